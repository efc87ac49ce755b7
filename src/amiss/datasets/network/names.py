"""Questions to name servers that carry data, or look for a meeting place."""

from __future__ import annotations

import numpy as np

from amiss.datasets.network.site import Place
from amiss.datasets.network.timing import by_the_clock
from amiss.datasets.network.words import COMMON, label_of, word_of

__all__ = ["dns_tunnel", "generated_names"]

_KINDS = {"txt": 16, "null": 10, "cname": 5, "a": 1, "slow": 16, "exfil": 1}
_BASE32, _HEX = "abcdefghijklmnopqrstuvwxyz234567", "0123456789abcdef"


def _domain(place: Place) -> str:
    ending = str(place.random.choice(["example", "test", "example.com", "invalid"]))
    return f"{word_of(place.random)[:6]}{word_of(place.random)[:5]}.{ending}"


def _drawn(random: np.random.Generator, signs: str, lengths: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[str]:
    letters = np.array(list(signs))[random.integers(0, len(signs), int(lengths.sum()))]
    ends = np.cumsum(lengths)
    return ["".join(letters[end - length : end]) for end, length in zip(ends, lengths, strict=True)]


def _split(data: str, each: int) -> str:
    """Data in labels of at most so many signs."""
    return ".".join(data[i : i + each] for i in range(0, len(data), each))


def dns_tunnel(place: Place, variant: str) -> None:
    """A connection inside names: data in the first labels, answers in the records; at a high rate, or slowly."""
    random, site = place.random, place.site
    host = str(random.choice(site.people))
    direct = random.random() < 0.25
    server = place.stranger() if direct else site.one("directory")
    domain, kind = _domain(place), _KINDS[variant]
    slow = variant == "slow" or (variant == "exfil" and random.random() < 0.5)
    if slow:
        begin, end = place.stretch(place.span * 0.5, place.span)
        at = by_the_clock(random, begin, end, float(random.uniform(15, 60)), 0.5, walks=True)
    else:
        n = int(random.integers(300, 5000))
        waits = random.exponential(1 / random.uniform(2, 60), n)
        begin, _ = place.stretch(waits.sum(), waits.sum())
        at = begin + np.cumsum(waits)
    n = len(at)
    # Half of the messages only ask whether something waits: they are short.
    longest = int(random.integers(60, 210))
    lengths = np.where(random.random(n) < 0.5, random.integers(10, 30, n), random.integers(longest // 2, longest, n))
    data = _drawn(random, _BASE32 if random.random() < 0.6 else _HEX, lengths)
    each = int(random.integers(32, 63))
    names = [f"{_split(word, each)}.{domain}" for word in data]
    answer = np.where(random.random(n) < 0.4, random.integers(60, 230, n), random.integers(20, 50, n))
    with place.sheet.about("dns_tunnel", variant, host, [server]):
        place.sheet.dns(at, place.number(host), place.number(server), names, kind=kind,
                        code=np.where(random.random(n) < 0.01, 2, 0), answer=answer if kind != 1 else 16)  # fmt: skip


def generated_names(place: Place, variant: str) -> None:
    """A program that tries the names that its clock draws, until one of them exists."""
    random, site = place.random, place.site
    host = str(random.choice(site.people))
    n = int(random.integers(40, 600))
    waits = random.gamma(1.5, 1, n) / 1.5
    pace = (
        float(random.uniform(10, 60)) if variant == "slow" else float(np.exp(random.uniform(np.log(0.05), np.log(3))))
    )
    waits = waits * min(pace, place.span * 0.9 / waits.sum())
    begin, _ = place.stretch(waits.sum(), waits.sum())
    if variant == "words":
        names = [
            f"{random.choice(COMMON)}{random.choice(COMMON)}{random.choice(['', label_of(random)])}" for _ in range(n)
        ]
    else:
        least = int(random.integers(7, 16))
        signs = _HEX if random.random() < 0.15 else "abcdefghijklmnopqrstuvwxyz"
        names = _drawn(random, signs, random.integers(least, least + int(random.integers(1, 10)), n))
    endings = random.choice(["example", "test", "invalid", "example.com", "example.net"], n)
    words = [f"{name}.{ending}" for name, ending in zip(names, endings, strict=True)]
    found = random.random(n) < 0.01
    at = begin + np.cumsum(waits)
    with place.sheet.about("generated_names", variant, host, [site.one("directory")]):
        place.sheet.dns(at, place.number(host), place.number(site.one("directory")), words, kind=1,
                        code=np.where(found, 0, 3))  # fmt: skip
        hits = at[found] + 0.2
        reached = [word for word, one in zip(words, found, strict=True) if one]
        place.sheet.http(hits, place.number(host), place.number(place.stranger()), 80, host=reached,
                         path=["/"] * len(hits), into=900)  # fmt: skip
