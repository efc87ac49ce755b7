"""What comes from outside where the network can be seen from there: probes of single ports by many."""

from __future__ import annotations

import numpy as np

from amiss.datasets.network.site import Place

__all__ = ["internet"]

_SOUGHT = np.array([23, 22, 80, 443, 8080, 3389, 445, 5555, 8443, 2323, 1433, 6379, 5060, 25, 81, 8081, 9200, 37215])


def internet(place: Place) -> None:
    """Probes that are not answered, or refused: the noise that every public address sees."""
    random, site, sheet = place.random, place.site, place.sheet
    n = int(random.poisson(place.span / 3600 * random.uniform(60, 250)))
    # A few come back, most are seen once.
    sources = [place.stranger() for _ in range(max(n // 2, 1))]
    weights = random.pareto(1.5, len(sources)) + 0.2
    src = random.choice(place.numbers(sources), n, p=weights / weights.sum())
    at = place.begin + np.sort(random.random(n)) * place.span
    known = _SOUGHT[np.minimum(random.geometric(0.12, n) - 1, len(_SOUGHT) - 1)]
    port = np.where(random.random(n) < 0.35, random.integers(1, 65_536, n), known)
    seen = place.numbers([site.one("gateway"), site.one("web"), site.one("mail")])
    dst = random.choice(seen, n)
    with sheet.about("internet_noise", "probes", "outside", sources, planted=False):
        datagrams = random.random(n) < 0.12
        sheet.udp(at[datagrams], src[datagrams], dst[datagrams], port[datagrams],
                  random.integers(4, 120, int(datagrams.sum())))  # fmt: skip
        rest = ~datagrams
        refused = random.choice(["S0", "REJ"], int(rest.sum()), p=[0.85, 0.15])
        sheet.tcp(
            at[rest],
            src[rest],
            dst[rest],
            port[rest],
            state=list(refused),
            tries=random.integers(1, 3, int(rest.sum())),
            src_port=random.integers(1024, 65_535, int(rest.sum())),
        )
