"""Attempts to get in, and attempts to break: brute force, and floods."""

from __future__ import annotations

import numpy as np

from amiss.core.summary import Vector
from amiss.datasets.network.site import Place

__all__ = ["brute_force", "flood"]

_LOGINS = {"ssh": (22, 1500, 2300), "rdp": (3389, 1300, 1800), "ftp": (21, 45, 160)}
"""Port, and bytes to and from the server of one attempt."""


def _moments(place: Place, n: int, rate: float) -> Vector:
    """So many moments at this rate, with jitter, somewhere in the span."""
    random = place.random
    waits = random.gamma(2.0, 0.5, n) / max(rate, n / (place.span * 0.9))
    begin = place.begin + float(random.uniform(0, max(place.span - waits.sum(), 0)))
    times: Vector = begin + np.cumsum(waits) - waits[0]
    return times


def brute_force(place: Place, variant: str) -> None:
    """Password after password against one host: fast, slow (one in ten seconds to minutes), or from many sources."""
    random, site, sheet = place.random, place.site, place.sheet
    target = site.one(str(random.choice(["web", "files", "mail", "directory"])))
    slow, many = variant == "slow", variant == "many_sources"
    n = int(random.integers(60, 200)) if slow else int(np.exp(random.uniform(np.log(60), np.log(3000))))
    rate = float(random.uniform(1 / 120, 1 / 10)) if slow else float(np.exp(random.uniform(np.log(0.3), np.log(20))))
    sources = [place.stranger() for _ in range(int(random.integers(8, 60)))] if many else [
        place.stranger() if random.random() < 0.6 else str(random.choice(site.people))]  # fmt: skip
    times = _moments(place, n, rate)
    service = variant if variant in (*_LOGINS, "http") else str(random.choice([*_LOGINS, "http"]))
    doer, peers = (target, sources) if many else (sources[0], [target])
    with sheet.about("brute_force", f"{variant}:{service}" if variant != service else service, doer, peers):
        src = random.choice(place.numbers(sources), n)
        if service == "http":
            _logins(place, times, src, place.number(target))
            return
        port, out, into = _LOGINS[service]
        # Three tries a connection, sometimes fewer; servers that are tired of it refuse or break off.
        guesses = random.integers(1, 4, n)
        state = random.choice(["SF", "RSTR", "RSTO", "REJ"], n, p=[0.72, 0.15, 0.1, 0.03])
        sheet.tcp(
            times,
            src,
            place.number(target),
            port,
            out + guesses * random.integers(60, 160, n),
            into + guesses * random.integers(50, 90, n),
            duration=guesses * random.uniform(0.4, 2.6, n),
            service=service,
            state=list(state),
            segment_out=300,
            segment_in=700,
        )


def _logins(place: Place, times: Vector, src: Vector, target: int) -> None:
    random, n = place.random, len(times)
    users = random.choice(["admin", "root", "test", "office", "guest"], n)
    place.sheet.http(
        times, src, target, 80, host=["intranet.example"] * n, path=["/login"] * n, method="POST",
        agent="python-requests/2.31", body=[f"user={user}&password=pw{random.integers(1_000_000)}" for user in users],
        status=random.choice([401, 403, 200, 302], n, p=[0.9, 0.05, 0.03, 0.02]), into=random.integers(600, 900, n),
    )  # fmt: skip


def flood(place: Place, variant: str) -> None:
    """More than a host can bear: SYN with forged sources, UDP, ICMP, requests, leases, answers nobody asked for."""
    random, site = place.random, place.site
    target = site.one(str(random.choice(["web", "mail", "gateway", "directory"])))
    lasts = float(np.exp(random.uniform(np.log(20), np.log(600))))
    rate = float(np.exp(random.uniform(np.log(50), np.log(800))))
    begin, end = place.stretch(lasts, lasts)
    n = int(min(rate * (end - begin), 60_000))
    times = begin + np.sort(random.random(n)) * (end - begin)
    {"syn": _syn, "udp": _udp, "icmp": _icmp, "dhcp": _dhcp, "http": _http, "amplified": _amplified}[variant](
        place, times, target
    )


def _syn(place: Place, times: Vector, target: str) -> None:
    random, n = place.random, len(times)
    block = f"198.{random.integers(18, 20)}."
    words = [f"{block}{a}.{b}" for a, b in random.integers(1, 255, (n, 2))]
    with place.sheet.about("flood", "syn", target, ["forged"]):
        state = random.choice(["S0", "REJ"], n, p=[0.9, 0.1])
        place.sheet.tcp(times, place.numbers(words), place.number(target), int(random.choice([80, 443, 25, 22])),
                        state=list(state), src_port=random.integers(1024, 65_535, n))  # fmt: skip


def _udp(place: Place, times: Vector, target: str) -> None:
    random, n = place.random, len(times)
    source = str(random.choice(place.site.people))
    with place.sheet.about("flood", "udp", source, [target]):
        ports = np.full(n, 80) if random.random() < 0.4 else random.integers(1, 65_535, n)
        place.sheet.udp(times, place.number(source), place.number(target), ports, random.integers(200, 1400))


def _icmp(place: Place, times: Vector, target: str) -> None:
    random = place.random
    source = str(random.choice(place.site.people))
    # One identifier, so one flow a stretch: as `ping -f` shows in flows.
    starts = times[0] + np.arange(0, times[-1] - times[0] + 1, 60.0)
    each = np.maximum(np.histogram(times, np.append(starts, np.inf))[0], 1)
    with place.sheet.about("flood", "icmp", source, [target]):
        place.sheet.icmp(starts, place.number(source), place.number(target), packets=each, answered=1,
                         size=float(random.choice([56, 1000, 1400])), duration=59.0)  # fmt: skip


def _dhcp(place: Place, times: Vector, target: str) -> None:
    """Asks for every lease there is: from no address to all, each question its own flow by its hardware address."""
    n = len(times)
    with place.sheet.about("flood", "dhcp", "0.0.0.0", ["255.255.255.255"]):
        batches = times[:: max(1, n // 600)]
        place.sheet.udp(batches, place.number("0.0.0.0"), place.number("255.255.255.255"), 67,
                        300.0 * max(1, n // 600), packets_out=max(1, n // 600), src_port=68, service="dhcp",
                        duration=np.append(np.diff(batches), 0.1) * 0.9)  # fmt: skip


def _http(place: Place, times: Vector, target: str) -> None:
    random, target = place.random, place.site.one("web")
    times = times[:8000]
    n = len(times)
    sources = [place.stranger() for _ in range(int(random.integers(1, 80)))]
    doer, peers = (sources[0], [target]) if len(sources) == 1 else (target, sources)
    with place.sheet.about("flood", "http", doer, peers):
        place.sheet.http(
            times, random.choice(place.numbers(sources), n), place.number(target), 80, host=["intranet.example"] * n,
            path=[f"/?{number}" for number in random.integers(0, 10**9, n)], agent="Mozilla/4.0",
            into=random.integers(500, 9000), status=random.choice([200, 503], n),
        )  # fmt: skip


def _amplified(place: Place, times: Vector, target: str) -> None:
    """Large answers from servers of names and time, to questions that someone else asked in the target's name."""
    random, n = place.random, len(times)
    servers = [place.stranger() for _ in range(int(random.integers(20, 200)))]
    port = int(random.choice([53, 123, 389, 11_211]))
    with place.sheet.about("flood", "amplified", target, servers):
        place.sheet.udp(times, random.choice(place.numbers(servers), n), place.number(target),
                        random.integers(1024, 65_535, n), random.integers(400, 3500, n), src_port=port)  # fmt: skip
