"""The office that the traffic is of: who is there, in which part, and what is known outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from amiss.datasets.network.sheet import Sheet
from amiss.datasets.network.words import label_of, word_of

__all__ = ["Outside", "Place", "Site", "make_site"]

_SERVERS = ("directory", "files", "mail", "web", "monitor", "backup", "printer", "hub")
_THINGS = ("camera", "thermostat", "sensor", "controller")
_BLOCKS = ("198.18.", "198.19.")


@dataclass(frozen=True, slots=True)
class Outside:
    """A service on the Internet: its names, and the addresses that serve them."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]


@dataclass(slots=True)
class Site:
    """Hosts by role, services outside by use; addresses as words."""

    prefix: str
    roles: dict[str, list[str]]
    sites: list[Outside]
    popular: np.ndarray[tuple[int], np.dtype[np.float64]]
    clouds: list[Outside]
    uses: dict[str, Outside]
    six: dict[str, str]
    favourites: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]]
    agents: list[str]

    @property
    def people(self) -> list[str]:
        """Machines that people work at."""
        return self.roles["people"]

    def one(self, role: str) -> str:
        """The only host of a role, or the first."""
        return self.roles[role][0]

    @property
    def inside(self) -> list[str]:
        """All hosts inside."""
        return [host for hosts in self.roles.values() for host in hosts]

    def free(self, random: np.random.Generator, n: int) -> list[str]:
        """Addresses inside that nobody has."""
        taken = set(self.inside)
        numbers = random.permutation(np.arange(2, 254))
        found = [word for number in numbers if (word := f"{self.prefix}{number}") not in taken]
        return found[:n]


@dataclass(slots=True)
class Place:
    """Where and when traffic is made: the site, the sheet, and the span of time."""

    site: Site
    sheet: Sheet
    random: np.random.Generator
    begin: float
    end: float

    def number(self, host: str) -> int:
        """The sheet's number of a host."""
        return self.sheet.host(host)

    def numbers(self, hosts: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The sheet's numbers of hosts."""
        return np.array([self.sheet.host(host) for host in hosts], np.int64)

    @property
    def span(self) -> float:
        """Seconds from begin to end."""
        return self.end - self.begin

    def stranger(self) -> str:
        """An address outside that belongs to no service known."""
        block = ("198.51.100.", "203.0.113.", "192.0.2.")[int(self.random.integers(3))]
        return f"{block}{self.random.integers(1, 255)}"

    def stretch(self, least: float, most: float) -> tuple[float, float]:
        """A stretch of a drawn length somewhere in the span."""
        length = min(float(self.random.uniform(min(least, most), most)), self.span * 0.95)
        first = self.begin + float(self.random.uniform(0, self.span - length))
        return first, first + length


def make_site(n_hosts: int, seed: int, sheet: Sheet) -> Site:
    """Draw an office: its addresses, its hosts by role, and the services it uses."""
    random = np.random.default_rng([seed, 17])
    prefix = (
        f"10.{random.integers(0, 256)}.{random.integers(0, 256)}."
        if random.random() < 0.6
        else f"192.168.{random.integers(0, 256)}."
    )
    roles = _roles(n_hosts, prefix, random)
    sites = [_site(random) for _ in range(400)]
    popular = (1 + np.arange(len(sites))) ** -0.9
    six = {host: f"fd12:{int(prefix.split('.')[1]):x}::{i + 16:x}" for i, host in enumerate(roles["people"])}
    favourites = {host: random.choice(len(sites), 25, replace=False) for host in roles["people"]}
    uses = {use: _service(use, random) for use in _USES}
    agents = [f"Mozilla/5.0 ({system}) Browser/{random.integers(90, 140)}.0" for system in _SYSTEMS]
    site = Site(
        prefix,
        roles,
        sites,
        popular / popular.sum(),
        [_cloud(random) for _ in range(12)],
        uses,
        six,
        favourites,
        agents,
    )
    for host in [*site.inside, *site.six.values()]:
        sheet.host(host)
    return site


_USES = (
    "time",
    "updates",
    "antivirus",
    "blocklist",
    "resolver",
    "push",
    "telemetry",
    "mail",
    "calls",
    "drive",
    "broker",
    "vendor",
    "offsite",
    "vpn",
)
_SYSTEMS = ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Windows NT 6.1")


def _roles(n_hosts: int, prefix: str, random: np.random.Generator) -> dict[str, list[str]]:
    numbers = [f"{prefix}{number}" for number in (random.permutation(240) + 10)[: n_hosts - 1]]
    roles: dict[str, list[str]] = {"gateway": [f"{prefix}1"]}
    for role in _SERVERS:
        roles[role] = [numbers.pop()]
    n_things = max(len(_THINGS), (n_hosts - len(_SERVERS)) // 4)
    for i in range(n_things):
        roles.setdefault(_THINGS[i % len(_THINGS)], []).append(numbers.pop())
    roles["people"] = numbers
    return roles


def _addresses(random: np.random.Generator, n: int) -> tuple[str, ...]:
    block = f"{_BLOCKS[int(random.integers(2))]}{random.integers(0, 256)}."
    return tuple(f"{block}{number}" for number in random.choice(np.arange(1, 255), n, replace=False))


def _domain(random: np.random.Generator) -> str:
    ending = ("example", "test", "example.com", "example.net", "example.org")[int(random.integers(5))]
    return f"{word_of(random)}{word_of(random) if random.random() < 0.4 else ''}.{ending}"


def _site(random: np.random.Generator) -> Outside:
    domain = _domain(random)
    parts = ["www", *(label_of(random) for _ in range(int(random.integers(0, 5))))]
    return Outside(tuple(f"{part}.{domain}" for part in parts), _addresses(random, int(random.integers(1, 4))))


def _cloud(random: np.random.Generator) -> Outside:
    """A network that delivers for many: hundreds of labels that look drawn."""
    domain = f"{word_of(random)}cdn.example.net"
    labels = [
        f"{label_of(random)}{random.integers(0, 999)}"
        if random.random() < 0.5
        else "d" + "".join(random.choice(list("abcdefghijklmnopqrstuvwxyz0123456789"), 13))
        for _ in range(200)
    ]
    return Outside(tuple(f"{label}.{domain}" for label in labels), _addresses(random, 12))


def _service(use: str, random: np.random.Generator) -> Outside:
    domain = _domain(random)
    return Outside(tuple(f"{part}.{domain}" for part in (use, f"{use}2", f"{use}-eu")), _addresses(random, 4))
