"""What people's machines do: browse, mail, share files, print, call, and ask for names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.datasets.network.site import Outside, Place
from amiss.datasets.network.timing import by_people, heavy
from amiss.datasets.network.words import path_of

__all__ = ["ask", "office"]

_CACHED_SECONDS = 300.0


def office(place: Place) -> None:
    """All that people's machines do on their own account."""
    for host in place.site.people:
        _browse(place, host)
        _mail(place, host)
        _shares(place, host)
        _calls(place, host)
    _print(place)
    _admin(place)


def ask(place: Place, client: int, times: Vector, names: list[str], *, six: bool = True) -> None:
    """Ask the resolver for the names that are not in the client's cache."""
    phase = float(place.random.random()) * _CACHED_SECONDS
    known: dict[str, float] = {}
    asked: list[int] = []
    for i in np.argsort(times):
        name = names[i]
        # Times to live differ from name to name, and a machine's cache drops what is old.
        lives = _CACHED_SECONDS * (0.2 + (len(name) * 7 % 13) / 4)
        if times[i] - known.get(name, -np.inf) > lives:
            known[name] = times[i] - (phase % 7 if len(known) % 5 == 0 else 0)
            asked.append(int(i))
    if not asked:
        return
    at = np.maximum(times[asked] - place.random.exponential(0.02, len(asked)) - 0.003, place.begin)
    words = [names[i] for i in asked]
    _questions(place, client, at, words, six=six)


def _questions(place: Place, client: int, at: Vector, words: list[str], *, six: bool) -> None:
    random, server = place.random, place.number(place.site.one("directory"))
    records = np.array([sum(map(ord, word)) % 4 + 1 for word in words]) * 16.0
    missing = np.where(random.random(len(words)) < 0.012, 3, 0)
    place.sheet.dns(at, client, server, words, kind=1, code=missing, answer=records)
    if six:
        more = random.random(len(words)) < 0.7
        chosen = [word for word, take in zip(words, more, strict=True) if take]
        place.sheet.dns(at[more] + 0.0004, client, server, chosen, kind=28, code=missing[more], answer=28)
        if random.random() < 0.4:
            place.sheet.dns(at[more] + 0.0008, client, server, chosen, kind=65, answer=60, code=missing[more])
    # The resolver itself has most in its cache.
    outward = random.random(len(words)) < 0.35
    upstream = place.numbers(place.site.uses["resolver"].addresses)
    chosen = [word for word, take in zip(words, outward, strict=True) if take]
    place.sheet.dns(
        at[outward] + 0.0003, server, random.choice(upstream, len(chosen)), chosen, code=missing[outward],
        answer=records[outward],
    )  # fmt: skip


def _browse(place: Place, host: str) -> None:
    random, site = place.random, place.site
    visits = by_people(random, place.begin, place.end, float(random.lognormal(2.3, 0.5)))
    if not len(visits):
        return
    own = random.random(len(visits)) < 0.7
    which = np.where(own, site.favourites[host][random.integers(0, 25, len(visits)) ** 2 // 25],
                     random.choice(len(site.sites), len(visits), p=site.popular))  # fmt: skip
    times: list[float] = []
    names: list[str] = []
    addresses: list[str] = []
    for visit, number in zip(visits, which, strict=True):
        for outside, label in _page(place, site.sites[number]):
            times.append(visit + random.exponential(1.2))
            names.append(label)
            addresses.append(outside.addresses[hash_of(label) % len(outside.addresses)])
    at = np.array(times)
    client = place.number(host)
    ask(place, client, at, names)
    _fetch(place, host, at, names, addresses)


def hash_of(word: str) -> int:
    """A number that a word always gives, other than Python's own."""
    return sum((i + 3) * ord(sign) for i, sign in enumerate(word))


def _page(place: Place, outside: Outside) -> list[tuple[Outside, str]]:
    """The servers that a page is fetched from: its own, and networks that deliver for it."""
    random = place.random
    found = [(outside, outside.names[0])]
    found += [(outside, name) for name in outside.names[1:] if random.random() < 0.7]
    for _ in range(int(random.geometric(0.3)) - 1):
        cloud = place.site.clouds[int(random.integers(len(place.site.clouds)))]
        found.append((cloud, cloud.names[int(random.integers(len(cloud.names)) ** 2 // len(cloud.names))]))
    return found


def _fetch(place: Place, host: str, at: Vector, names: list[str], addresses: list[str]) -> None:
    random, sheet, n = place.random, place.sheet, len(at)
    client, servers = place.number(host), place.numbers(addresses)
    way = random.random(n)
    quick, plain, fails = way < 0.15, (way >= 0.15) & (way < 0.2), way > 0.985
    safe = ~(quick | plain | fails)
    sent, got = heavy(random, 1000, 1.0, n, 5e6), heavy(random, 3500, 2.2, n, 2e8)
    lasts = np.exp(random.normal(2.5, 1.9, n)) + got / 2e6
    states = random.choice(["SF", "RSTO", "RSTR", "S1"], n, p=[0.66, 0.16, 0.08, 0.1])
    six = place.site.six.get(host)
    over_six = safe & (random.random(n) < 0.15) if six else np.zeros(n, bool)
    for mask, mine, theirs in _families(place, safe, over_six, client, six, servers, addresses):
        sheet.tcp(
            at[mask], mine, theirs, 443, sent[mask] + 520, got[mask] + 3200, duration=lasts[mask], service="tls",
            name=_picked(names, mask), state=list(states[mask]),
        )  # fmt: skip
    sheet.udp(
        at[quick], client, servers[quick], 443, sent[quick] + 2400, got[quick] + 3000, duration=lasts[quick],
        packets_out=np.ceil(got[quick] / 2600) + 3, service="quic", name=_picked(names, quick),
    )  # fmt: skip
    agent = place.site.agents[client % len(place.site.agents)]
    sheet.http(
        at[plain], client, servers[plain], 80, host=_picked(names, plain), agent=agent, into=got[plain],
        path=[path_of(random) for _ in range(int(plain.sum()))], duration=lasts[plain],
        status=random.choice([200, 304, 301, 404], int(plain.sum()), p=[0.8, 0.1, 0.06, 0.04]),
    )  # fmt: skip
    dead = int(fails.sum())
    sheet.tcp(
        at[fails], client, servers[fails], 443, state=list(random.choice(["S0", "REJ"], dead)),
        tries=random.integers(1, 5, dead), name=_picked(names, fails),
    )  # fmt: skip


def _families(
    place: Place, safe: npt.NDArray[np.bool_], over_six: npt.NDArray[np.bool_], client: int, six: str | None,
    servers: npt.NDArray[np.int64], addresses: list[str],
) -> list[tuple[npt.NDArray[np.bool_], int, npt.NDArray[np.int64]]]:  # fmt: skip
    four = safe & ~over_six
    found = [(four, client, servers[four])]
    if six and over_six.any():
        words = [f"2001:db8:{a.split('.')[2]}::{a.split('.')[3]}" for a in _picked(addresses, over_six)]
        found.append((over_six, place.number(six), place.numbers(words)))
    return found


def _picked(words: list[str], mask: npt.NDArray[np.bool_]) -> list[str]:
    return [words[i] for i in np.flatnonzero(mask)]


def _mail(place: Place, host: str) -> None:
    random = place.random
    at = by_people(random, place.begin, place.end, 5)
    server = place.number(place.site.one("mail"))
    into = heavy(random, 3000, 1.2, len(at), 2e7)
    place.sheet.tcp(at, place.number(host), server, 993, heavy(random, 900, 0.4, len(at)), into, service="tls",
                    duration=random.exponential(20, len(at)))  # fmt: skip
    sends = by_people(random, place.begin, place.end, 1.5)
    out = heavy(random, 9000, 1.5, len(sends), 2e7)
    place.sheet.tcp(sends, place.number(host), server, 587, out, 2500, service="smtp")


def _shares(place: Place, host: str) -> None:
    random = place.random
    at = by_people(random, place.begin, place.end, 3)
    server, client = place.number(place.site.one("files")), place.number(host)
    n = len(at)
    writes = random.random(n) < 0.3
    little, much = heavy(random, 4000, 0.7, n, 1e7), heavy(random, 120_000, 1.8, n, 2e8)
    place.sheet.tcp(
        at, client, server, 445, np.where(writes, much, little), np.where(writes, little, much), service="smb",
        duration=random.exponential(300, n), state=list(random.choice(["SF", "RSTO"], n)),
    )  # fmt: skip


def _calls(place: Place, host: str) -> None:
    random, use = place.random, place.site.uses["calls"]
    at = by_people(random, place.begin, place.end, 0.25)
    if not len(at):
        return
    lasts = np.clip(random.lognormal(6.8, 0.8, len(at)), 60, 7200)
    client = place.number(host)
    ask(place, client, at, [use.names[0]] * len(at))
    rate = random.lognormal(11.3, 0.6, (2, len(at)))
    place.sheet.udp(
        at,
        client,
        random.choice(place.numbers(use.addresses), len(at)),
        3478,
        rate[0] * lasts,
        rate[1] * lasts,
        packets_out=lasts * 80,
        packets_in=lasts * 80,
        duration=lasts,
        service="stun",
    )


def _print(place: Place) -> None:
    random = place.random
    printer = place.number(place.site.one("printer"))
    at = by_people(random, place.begin, place.end, 0.5 * len(place.site.people))
    clients = random.choice(place.numbers(place.site.people), len(at))
    place.sheet.tcp(at, clients, printer, 9100, heavy(random, 150_000, 1.2, len(at), 3e7), 300,
                    duration=random.exponential(15, len(at)))  # fmt: skip


def _admin(place: Place) -> None:
    """Those who look after servers, by SSH and remote desktop."""
    random, site = place.random, place.site
    for host in site.people[:: max(8, len(site.people) // 3)]:
        at = by_people(random, place.begin, place.end, 2)
        servers = place.numbers([site.one(role) for role in ("web", "files", "mail", "backup", "monitor")])
        by_desktop = random.random(len(at)) < 0.25
        for port, service, times in ((22, "ssh", at[~by_desktop]), (3389, "rdp", at[by_desktop])):
            n = len(times)
            lasts = np.clip(random.lognormal(5.5, 1.6, n), 2, 20_000)
            place.sheet.tcp(
                times, place.number(host), random.choice(servers, n), port,
                2500 + lasts * random.lognormal(2, 0.8, n), 3500 + lasts * random.lognormal(3.5, 1, n),
                segment_out=80, segment_in=300, duration=lasts, service=service,
            )  # fmt: skip
