"""Logs of traffic: entries per CPU second of one thread, from the file to `Traffic`.

Run: POLARS_MAX_THREADS=1 python benchmarks/speed/logs.py

The logs are written here: connections of Zeek in tabs and in JSON, flows of Suricata, of CICFlowMeter and of nfdump.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from amiss.io.logs.source import LogSource

N_ROWS = 200_000
ZEEK = [
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "service",
    "duration",
    "orig_bytes",
    "resp_bytes",
    "conn_state",
    "local_orig",
    "local_resp",
    "missed_bytes",
    "history",
    "orig_pkts",
    "orig_ip_bytes",
    "resp_pkts",
    "resp_ip_bytes",
    "tunnel_parents",
]
CIC = (
    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,"
    "TotLen Fwd Pkts,TotLen Bwd Pkts," + ",".join(f"Statistic {i}" for i in range(70)) + ",Label"
)
NFDUMP = "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt"
STAMP = "2023-01-01 00:{:02d}:{:02d}"


def connections() -> Iterator[tuple[int, str, str, int]]:
    chance = random.Random(0)
    for i in range(N_ROWS):
        yield i, f"10.0.{i % 7}.{i % 251}", f"93.184.{chance.randrange(99)}.{chance.randrange(254)}", 1024 + i % 60_000


def zeek_row(i: int, src: str, dst: str, port: int) -> list:
    return [1.7e9 + i / 100, f"C{i}", src, port, dst, 443, "tcp", "ssl", 1.5, 100 + i % 999, 2000, "SF", True, False, 0,
            "ShADadFf", 9, 600, 8, 2500, "(empty)"]  # fmt: skip


def zeek_tabs() -> str:
    head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\t"
    rows = ("\t".join(map(str, zeek_row(*row))) for row in connections())
    return head + "\t".join(ZEEK) + "\n" + "\n".join(rows) + "\n"


def zeek_json() -> str:
    return "\n".join(json.dumps(dict(zip(ZEEK, zeek_row(*row), strict=True))) for row in connections()) + "\n"


def suricata() -> str:
    rows = []
    for i, src, dst, port in connections():
        stamp = STAMP.format(i // 60 % 60, i % 60).replace(" ", "T") + ".000000+0000"
        told = {"pkts_toserver": 9, "pkts_toclient": 8, "bytes_toserver": 700, "bytes_toclient": 2600, "start": stamp,
                "end": stamp, "age": 0, "state": "closed", "reason": "timeout", "alerted": False}  # fmt: skip
        rows.append({"timestamp": stamp, "flow_id": i, "event_type": "flow", "src_ip": src, "src_port": port,
                     "dest_ip": dst, "dest_port": 443, "proto": "TCP", "app_proto": "tls", "flow": told,
                     "tcp": {"tcp_flags_ts": "1b", "tcp_flags_tc": "1b"}})  # fmt: skip
    return "\n".join(map(json.dumps, rows)) + "\n"


def cicflowmeter() -> str:
    tail = ",".join(f"{k / 7:.4f}" for k in range(70))
    rows = (
        f"{i},{src},{port},{dst},443,6,{STAMP.format(i // 60 % 60, i % 60)},1500,9,8,100,2000,{tail},BENIGN"
        for i, src, dst, port in connections()
    )
    return CIC + "\n" + "\n".join(rows) + "\n"


def nfdump() -> str:
    rows = []
    for i, src, dst, port in connections():
        when = STAMP.format(i // 60 % 60, i % 60)
        ends = ((src, dst, port, 443), (dst, src, 443, port))[i % 2]
        rows.append(f"{when},{when},0.374,{ends[0]},{ends[1]},{ends[2]},{ends[3]},TCP,...AP.SF,0,0,8,2211,0,0")
    return NFDUMP + "\n" + "\n".join(rows) + "\n"


def main() -> None:
    print("| log | entries / CPU s | MiB |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for made in (zeek_tabs, zeek_json, suricata, cicflowmeter, nfdump):
            path = Path(folder) / "log"
            path.write_text(made())
            start = time.process_time()
            traffic = LogSource([path]).traffic()
            seconds = time.process_time() - start
            assert traffic.flows.n_flows > N_ROWS / 3
            print(
                f"| {made.__name__} | {N_ROWS / seconds / 1e3:,.0f}k | {path.stat().st_size / 2**20:.0f} |", flush=True
            )


if __name__ == "__main__":
    main()
