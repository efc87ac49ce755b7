"""Names of servers: whom they are registered to, and how much their letters hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from amiss.network.addresses import address_of

__all__ = ["bits", "registered", "subdomain"]

_SECOND_LEVEL = {"ac", "co", "com", "edu", "go", "gob", "gov", "mil", "ne", "net", "nom", "or", "org", "sch"}
"""Labels under a country's that are no one's own; what is registered begins one further."""
_RESERVED = {"com", "net", "org"}
"""Where "example" stands for everybody (RFC 2606), as documents and made-up traffic use it."""


@lru_cache(maxsize=262_144)
def registered(name: str) -> str:
    """The part of a name that is somebody's: its last two labels, or three under such as "co.uk".

    Examples
    --------
    >>> registered("www.shop.example"), registered("a.b.shop.co.uk"), registered("10.0.0.1")
    ('shop.example', 'shop.co.uk', '10.0.0.1')
    """
    labels = name.lower().rstrip(".").split(".")
    if len(labels) <= 2 or (labels[-1].isdigit() and address_of(name) is not None):
        return ".".join(labels)
    deep = len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    deep |= labels[-2] == "example" and labels[-1] in _RESERVED
    return ".".join(labels[-3:] if deep else labels[-2:])


def subdomain(name: str) -> str:
    """What stands before the registered part, without the dot; "" where nothing does."""
    own = registered(name)
    return name[: len(name) - len(own)].rstrip(".") if len(name) > len(own) else ""


def bits(words: Iterable[str]) -> float:
    """Bits a character, by how often each occurs (Shannon's entropy): 0 where there are none."""
    counts = Counter[str]()
    for word in words:
        counts.update(word)
    if not counts:
        return 0.0
    share = np.array(list(counts.values()), np.float64)
    share /= share.sum()
    return float(-(share * np.log2(share)).sum())
