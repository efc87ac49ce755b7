"""What hides in ordinary traffic: beacons, long connections, and data that leave."""

from __future__ import annotations

import numpy as np

from amiss.datasets.network.office import ask
from amiss.datasets.network.site import Place
from amiss.datasets.network.timing import by_the_clock
from amiss.datasets.network.words import label_of, word_of

__all__ = ["beaconing", "exfiltration", "long_connection"]


def _far_name(place: Place) -> str:
    ending = str(place.random.choice(["example", "test", "example.com", "invalid"]))
    return f"{label_of(place.random)}.{word_of(place.random)}{word_of(place.random)}.{ending}"


def beaconing(place: Place, variant: str) -> None:
    """Calls home by timer: to an address or a name, with jitter, drop-outs and larger sessions between."""
    random, site, sheet = place.random, place.site, place.sheet
    host, server = str(random.choice(site.people)), place.stranger()
    longest = max(place.span / 24, 12.0)
    interval = float(np.exp(random.uniform(np.log(10.0), np.log(min(7200.0, longest)))))
    jitter = {"steady": 0.02, "jitter": float(random.uniform(0.2, 0.5))}.get(variant, float(random.uniform(0, 0.3)))
    begin, end = place.stretch(max(24 * interval, place.span * 0.3), place.span)
    at = by_the_clock(random, begin, end, interval, jitter, walks=bool(random.random() < 0.8))
    if variant == "drop_outs":
        at = at[random.random(len(at)) > random.uniform(0.1, 0.35)]
        hole = random.uniform(begin, end)
        at = at[(at < hole) | (at > hole + (end - begin) * 0.15)]
    n = len(at)
    out, into = random.integers(120, 900), random.integers(100, 3000)
    sent, got = out + random.integers(0, 1 + int(out * 0.06), n), into + random.integers(0, 1 + int(into * 0.06), n)
    busy = random.random(n) < (0.05 if variant in {"sessions", "drop_outs"} else 0.0)
    sent, got = (
        np.where(busy, sent * random.integers(5, 60, n), sent),
        np.where(busy, got * random.integers(10, 300, n), got),
    )
    name = _far_name(place) if random.random() < 0.6 else ""
    with sheet.about("beaconing", variant, host, [server]):
        if name:
            ask(place, place.number(host), at, [name] * n)
        if name and random.random() < 0.25:
            sheet.http(at, place.number(host), place.number(server), 80, host=[name] * n, agent="Mozilla/5.0",
                       path=[f"/{word_of(random)}.php"] * n, into=np.maximum(got, 160), status=200)  # fmt: skip
            return
        port = int(random.choice([443, 443, 8080, 8443, 4444, 53_211]))
        tls = port in {443, 8443}
        sheet.tcp(at, place.number(host), place.number(server), port, sent + 517 * tls, got + 2900 * tls,
                  service="tls" if tls else "", name=[name] * n,
                  state="SF" if random.random() < 0.8 else "RSTO")  # fmt: skip


def long_connection(place: Place, variant: str) -> None:
    """One connection held for hours with a host outside that nobody else talks to, quiet or busy."""
    random, site = place.random, place.site
    host, server = str(random.choice(site.people)), place.stranger()
    lasts = float(random.uniform(0.55, 0.95)) * min(place.span, 20 * 3600)
    begin = place.begin + float(random.uniform(0, place.span - lasts))
    rate = 2.0 if variant == "quiet" else float(random.uniform(50, 3000))
    port = int(random.choice([443, 8443, 22, 4444, 1194, 31_337]))
    with place.sheet.about("long_connection", variant, host, [server]):
        place.sheet.tcp(begin, place.number(host), place.number(server), port, 600 + lasts * rate * 0.3,
                        3000 + lasts * rate, duration=lasts, state=str(random.choice(["SF", "S1", "RSTO"])),
                        service={443: "tls", 22: "ssh"}.get(port, ""), segment_out=120, segment_in=400)  # fmt: skip


def exfiltration(place: Place, variant: str) -> None:
    """Data that leave: at once, in pieces over hours, or inside echo requests."""
    random, site, sheet = place.random, place.site, place.sheet
    host, server = str(random.choice([*site.people, site.one("files")])), place.stranger()
    name = _far_name(place) if random.random() < 0.5 else ""
    client, far = place.number(host), place.number(server)
    with sheet.about("exfiltration", variant, host, [server]):
        if variant == "slow":
            begin, end = place.stretch(place.span * 0.4, place.span * 0.9)
            n = int(random.integers(30, 200))
            at = np.sort(random.uniform(begin, end, n))
            out = random.lognormal(np.log(random.uniform(8e7, 6e8) / n), 0.4, n)
        elif variant == "icmp":
            begin, _ = place.stretch(600, 3600)
            n = int(random.integers(40, 300))
            at = begin + np.cumsum(random.uniform(3, 12, n))
            sheet.icmp(at, client, far, packets=random.integers(60, 400, n), answered=1, duration=2.5,
                       size=float(random.integers(900, 1400)))  # fmt: skip
            return
        else:
            n = int(random.integers(1, 4))
            begin, end = place.stretch(300, 1800)
            at = np.sort(random.uniform(begin, end, n))
            out = random.lognormal(np.log(random.uniform(2e8, 2e9) / n), 0.2, n)
        if name:
            ask(place, client, at, [name] * n)
        port = int(random.choice([443, 443, 22, 21, 8080]))
        speed = random.uniform(1e6, 2e7)
        sheet.tcp(at, client, far, port, out, 3000 + out / 3000, duration=2 + out / speed, name=[name] * n,
                  service={443: "tls", 22: "ssh", 21: "ftp"}.get(port, ""))  # fmt: skip
