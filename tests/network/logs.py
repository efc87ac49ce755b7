"""Small logs of our own, as Zeek writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

FIELDS = (
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes",
    "resp_bytes", "conn_state", "orig_pkts", "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "label",
)  # fmt: skip
START = 1_772_409_600.0  # 2026-03-02 00:00 UTC


def office(seed: int = 0, n: int = 600) -> list[list[object]]:
    """Some hours of a few machines that look at web pages and ask for names."""
    random = np.random.default_rng(seed)
    rows: list[list[object]] = []
    for k, t in enumerate(np.sort(random.uniform(0, 4 * 3600, n)).tolist()):
        client = f"10.0.0.{random.integers(2, 8)}"
        begun = [START + t, f"C{k}", client, random.integers(30_000, 60_000)]
        if random.random() < 0.5:
            out, back = random.integers(40, 60), random.integers(60, 200)
            asked = ["10.0.0.1", 53, "udp", "dns", f"{random.exponential(0.02):.6f}", out, back, "SF"]
            rows.append([*begun, *asked, 1, out + 28, 1, back + 28, "Benign"])
        else:
            out, back = int(random.lognormal(6, 0.6)), int(random.lognormal(9, 1.2))
            n_packets = 4 + back // 1400
            server = f"198.51.100.{random.integers(1, 30)}"
            asked = [server, 443, "tcp", "ssl", f"{random.exponential(8):.6f}", out, back, "SF"]
            rows.append([*begun, *asked, n_packets, out + 52 * n_packets, n_packets, back + 52 * n_packets, "Benign"])
    return rows


def scan(host: str = "10.0.0.66", target: str = "10.0.0.3", ports: int = 300, at: float = 5000.0) -> list[list[object]]:
    """One machine that knocks at many ports of another."""
    return [
        [START + at + 0.05 * k, f"S{at:.0f}.{k}", host, 40_000 + k, target, 1 + 7 * k, "tcp", "-", "0.000010", 0, 0,
         "REJ", 1, 40, 1, 40, "Malicious"]
        for k in range(ports)
    ]  # fmt: skip


def write_zeek(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """A conn.log with these lines, in the order of time."""
    ordered = sorted(rows, key=lambda row: float(str(row[0])))
    head = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn",
            "#fields\t" + "\t".join(FIELDS)]  # fmt: skip
    path.write_text("\n".join([*head, *("\t".join(map(str, row)) for row in ordered)]) + "\n")
    return path
