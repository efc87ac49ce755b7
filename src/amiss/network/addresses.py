"""Hosts by number: the addresses that occur, and what kind of address each is."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["Addresses", "address_of", "within"]

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]
_LOCAL = tuple(
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7",
                    "fe80::/10", "::1/128")
)  # fmt: skip


@lru_cache(maxsize=65_536)
def address_of(word: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a word writes; None where it writes none, as a name or a hardware address."""
    try:
        found = ipaddress.ip_address(word.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def within(word: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether an address lies in one of some networks."""
    found = address_of(word)
    return found is not None and any(found in network for network in networks if network.version == found.version)


class Addresses:
    """The hosts that occur, each once; flows name them by their position.

    Parameters
    ----------
    words
        Addresses as text: IPv4, IPv6, or whatever else names a host in a log.

    Examples
    --------
    >>> from amiss.network.addresses import Addresses
    >>> hosts, codes = Addresses.coded(["10.0.0.1", "8.8.8.8", "10.0.0.1"])
    >>> codes
    array([0, 1, 0], dtype=int32)
    >>> hosts.local
    array([ True, False])
    """

    __slots__ = ("_groups", "_local", "words")

    def __init__(self, words: Sequence[str] = ()) -> None:
        self.words = list(words)
        self._local: Bools | None = None
        self._groups: Bools | None = None

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def coded(cls, words: Iterable[str]) -> tuple[Addresses, Codes]:
        """The distinct words, in the order of their first occurrence, and the position of each given one."""
        known: dict[str, int] = {}
        codes = np.array([known.setdefault(word, len(known)) for word in words], np.int32)
        return cls(list(known)), codes

    def joined(self, other: Addresses) -> tuple[Addresses, Codes]:
        """These and those of another, and the position of each of the other's."""
        known = {word: code for code, word in enumerate(self.words)}
        codes = np.array([known.setdefault(word, len(known)) for word in other.words], np.int32)
        return Addresses(list(known)), codes

    @property
    def local(self) -> Bools:
        """Whether each is of a private, link-local or loopback network: (n_hosts,)."""
        if self._local is None:
            self._local = np.array([within(word, _LOCAL) for word in self.words], np.bool_)
        return self._local

    @property
    def groups(self) -> Bools:
        """Whether each stands for many hosts or none: multicast, broadcast or unspecified: (n_hosts,)."""
        if self._groups is None:
            self._groups = np.array([_is_group(word) for word in self.words], np.bool_)
        return self._groups


def _is_group(word: str) -> bool:
    found = address_of(word)
    if found is None:
        return word.lower() == "ff:ff:ff:ff:ff:ff"
    # The broadcast address of a small network cannot be known without its mask; one that ends in .255 nearly always is.
    return found.is_multicast or found.is_unspecified or word.endswith(".255")
