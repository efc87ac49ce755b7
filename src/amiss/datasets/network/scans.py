"""Scans and sweeps: many ports of one host, one port of many, and who is there at all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.datasets.network.site import Place

__all__ = ["horizontal_scan", "sweep", "vertical_scan"]

_COMMON = np.array([21, 22, 23, 25, 53, 80, 110, 111, 135, 139, 143, 443, 445, 993, 995, 1433, 1723, 3306, 3389, 5432,
                    5900, 6379, 8080, 8443, 9100, 9200])  # fmt: skip


def _scanner(place: Place) -> str:
    """Mostly a machine inside; now and then one from outside."""
    random = place.random
    return place.stranger() if random.random() < 0.25 else str(random.choice(place.site.people))


def _pace(place: Place, n: int, least: float, most: float) -> Vector:
    """Moments of so many probes at a drawn rate, that of tools: bursts with waits, or one by one with jitter."""
    random = place.random
    rate = float(np.exp(random.uniform(np.log(least), np.log(most))))
    waits = random.exponential(1, n) if random.random() < 0.5 else random.uniform(0.5, 1.5, n)
    waits = waits / max(rate, n / (place.span * 0.9))
    begin = place.begin + float(random.uniform(0, max(place.span - waits.sum(), 0)))
    times: Vector = begin + np.cumsum(waits) - waits[0]
    return times


def vertical_scan(place: Place, variant: str) -> None:
    """One host's ports, one after the other in any order: by SYN, by whole connections, by UDP, or slowly."""
    random, site, sheet = place.random, place.site, place.sheet
    source, target = _scanner(place), str(random.choice([*site.people, site.one("web"), site.one("files")]))
    target = site.one("web") if target == source else target
    n = {"slow": int(random.integers(40, 400)), "all": 65_535}.get(
        variant, int(np.exp(random.uniform(np.log(20), np.log(8000))))
    )
    if n >= 65_535:
        ports = random.permutation(np.arange(1, 65_536))
    else:
        rest = random.permutation(np.setdiff1d(np.arange(1, 65_536 if n > 1000 else 10_000), _COMMON))
        ports = random.permutation(np.append(_COMMON[: n // 2], rest[: n - len(_COMMON[: n // 2])]))
    if random.random() < 0.3:
        ports = np.sort(ports)
    times = _pace(place, len(ports), 0.02, 0.2) if variant == "slow" else _pace(place, len(ports), 3, 2000)
    with sheet.about("vertical_scan", variant, source, [target]):
        if variant == "udp":
            _udp_probes(place, times, source, target, ports)
        else:
            _probes(place, times, source, np.full(len(ports), place.number(target)), ports, whole=variant == "connect")


def _udp_probes(place: Place, times: Vector, source: str, target: str, ports: npt.NDArray[np.int64]) -> None:
    random, sheet = place.random, place.sheet
    size = np.where(random.random(len(ports)) < 0.2, random.integers(12, 48, len(ports)), 0)
    answered = random.random(len(ports)) < 0.01
    sheet.udp(times, place.number(source), place.number(target), ports, size, np.where(answered, 60, 0),
              src_port=int(random.integers(33_000, 65_000)))  # fmt: skip
    # Closed ports are told of by ICMP, as often as the target's limit of one a second allows.
    seconds = np.unique(np.floor(times[~answered]))
    told = seconds[random.random(len(seconds)) < 0.8]
    sheet.icmp(told + 0.4, place.number(target), place.number(source), kind=3, code=3, answered=0, size=28)


def _probes(
    place: Place, times: Vector, source: str, targets: npt.NDArray[np.int64], ports: npt.NDArray[np.int64], *,
    whole: bool, open_share: float = 0.02, silent_share: float | None = None,
) -> None:  # fmt: skip
    """Probes by TCP: closed ports refuse or are silent behind a filter, open ones answer."""
    random, sheet, n = place.random, place.sheet, len(ports)
    filtered = float(random.choice([0.0, 0.02, 0.97])) if silent_share is None else silent_share
    silent = random.random(n) < filtered
    opened = ~silent & (random.random(n) < open_share)
    state = np.where(silent, "S0", np.where(opened, "RSTO" if not whole else "SF", "REJ"))
    own = None if whole else random.choice([int(random.integers(33_000, 65_000))] * 2 + [-1])
    fixed = own is not None and own > 0
    sheet.tcp(times, place.number(source), targets, ports, state=list(state), tries=3 if whole else 1,
              into=np.where(opened & whole & (random.random(n) < 0.5), 40, 0),
              src_port=own if fixed else None)  # fmt: skip


def horizontal_scan(place: Place, variant: str) -> None:
    """One or a few ports of many hosts: of the own network or of networks outside; also slowly, also by UDP."""
    random, site, sheet = place.random, place.site, place.sheet
    outward = random.random() < 0.5
    source = str(random.choice(site.people)) if outward else _scanner(place)
    if outward:
        count = int(random.integers(60, 800))
        hosts = [
            f"{('198.51.100', '203.0.113', '192.0.2', '198.18.200')[i % 4]}.{i // 4 % 254 + 1}" for i in range(count)
        ]
    else:
        hosts = [f"{site.prefix}{number}" for number in range(1, 255)]
    hosts = [hosts[i] for i in random.permutation(len(hosts)) if hosts[i] != source]
    if variant == "slow":
        hosts = hosts[: int(random.integers(40, 200))]
    choice = [53, 161, 1900, 5060] if variant == "udp" else [22, 23, 80, 443, 445, 3389, 5900, 8080, 2323]
    ports = random.choice(choice, 1 if random.random() < 0.8 else 2, replace=False)
    order = np.tile(place.numbers(hosts), len(ports)), np.repeat(ports, len(hosts))
    times = _pace(place, len(order[0]), 0.02, 0.15) if variant == "slow" else _pace(place, len(order[0]), 2, 500)
    with sheet.about("horizontal_scan", variant, source, hosts):
        if variant == "udp":
            replied = np.where(random.random(len(times)) < 0.05, 80, 0)
            sheet.udp(times, place.number(source), order[0], order[1], random.integers(12, 60), replied)
        else:
            # Where nobody has the address, nothing answers.
            _probes(place, times, source, order[0], order[1], whole=bool(random.random() < 0.5), open_share=0.05,
                    silent_share=0.9 if outward else 0.7)  # fmt: skip


def sweep(place: Place, variant: str) -> None:
    """Who is there: echo requests to, or questions for the hardware address of, every address of a network."""
    random, site, sheet = place.random, place.site, place.sheet
    source = str(random.choice(site.people))
    numbers = np.arange(1, 255)
    if random.random() < 0.5:
        numbers = random.permutation(numbers)
    if variant == "slow":
        numbers = numbers[: int(random.integers(40, 150))]
    hosts = [word for number in numbers if (word := f"{site.prefix}{number}") != source]
    taken = set(site.inside)
    there = np.array([host in taken for host in hosts])
    times = _pace(place, len(hosts), 0.02, 0.2) if variant == "slow" else _pace(place, len(hosts), 2, 300)
    by_arp = variant == "arp" or (variant == "slow" and random.random() < 0.5)
    with sheet.about("sweep", variant, source, hosts):
        if by_arp:
            sheet.arp(times, place.number(source), place.numbers(hosts), there)
        else:
            sheet.icmp(times, place.number(source), place.numbers(hosts), answered=there,
                       size=float(random.choice([0, 8, 32, 56])))  # fmt: skip
