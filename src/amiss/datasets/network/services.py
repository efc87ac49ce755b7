"""What runs by itself: addresses and neighbours, the directory, and talk to groups of hosts."""

from __future__ import annotations

import numpy as np

from amiss.datasets.network.site import Place
from amiss.datasets.network.timing import by_people, by_the_clock, heavy

__all__ = ["services"]


def services(place: Place) -> None:
    """Everything that keeps an office network going."""
    _leases(place)
    _neighbours(place)
    _directory(place)
    _groups(place)
    _intranet(place)


def _leases(place: Place) -> None:
    """DHCP: each machine renews at half of its lease; a few join anew and ask everyone."""
    random, site, sheet = place.random, place.site, place.sheet
    server = place.number(site.one("gateway"))
    lease = float(random.choice([3600.0, 7200.0, 14_400.0]))
    for host in site.people + site.roles["camera"] + site.roles["sensor"]:
        at = by_the_clock(random, place.begin, place.end, lease / 2, 0.05)
        at = at[random.random(len(at)) < 0.8]
        sheet.udp(at, place.number(host), server, 67, 300, 300, src_port=68, service="dhcp")
    joins = by_people(random, place.begin, place.end, 0.1 * len(site.people))
    sheet.udp(joins, sheet.host("0.0.0.0"), sheet.host("255.255.255.255"), 67, 300, packets_out=2, src_port=68,
              duration=random.uniform(0.5, 3, len(joins)), service="dhcp")  # fmt: skip


def _neighbours(place: Place) -> None:
    """ARP: hosts ask again for those they talk to; the gateway asks for all, now and then for one that is gone."""
    random, site = place.random, place.site
    common = place.numbers([site.one("gateway"), site.one("directory"), site.one("files"), site.one("mail")])
    for host in site.inside[1:]:
        at = by_people(random, place.begin, place.end, 4)
        at = np.sort(np.append(at, place.begin + random.random(int(place.span / 3600 * 1.5)) * place.span))
        to = random.choice(common, len(at))
        own = to == place.number(host)
        place.sheet.arp(at[~own], place.number(host), to[~own])
    gone = place.numbers([*site.inside[1:], *site.free(random, 2)])
    at = place.begin + np.sort(random.random(int(place.span / 3600 * 20))) * place.span
    to = random.choice(gone, len(at))
    place.sheet.arp(at, place.number(site.one("gateway")), to, np.where(np.isin(to, gone[-2:]), 0, 1))


def _directory(place: Place) -> None:
    """Kerberos, LDAP, remote calls and shared policies between machines and their directory server."""
    random, site, sheet = place.random, place.site, place.sheet
    server = place.number(site.one("directory"))
    for host in site.people:
        at = by_people(random, place.begin, place.end, 4)
        client, n = place.number(host), len(at)
        sheet.tcp(at, client, server, 88, 1500 + random.integers(0, 900, n), 1600, service="krb")
        more = at[random.random(n) < 0.6] + 0.05
        sheet.tcp(more, client, server, 389, heavy(random, 1800, 0.5, len(more)), heavy(random, 3500, 0.9, len(more)),
                  duration=random.exponential(30, len(more)), service="ldap")  # fmt: skip
        calls = more[random.random(len(more)) < 0.4] + 0.1
        sheet.tcp(calls, client, server, 135, 400, 300, service="dce_rpc")
        sheet.tcp(calls + 0.1, client, server, int(random.integers(49_664, 49_680)), 2000, 1800, service="dce_rpc")
        policies = by_the_clock(random, place.begin, place.end, 5400, 0.33, walks=True)
        sheet.tcp(policies, client, server, 445, 5000, heavy(random, 9000, 0.3, len(policies)), service="smb")


def _groups(place: Place) -> None:
    """Announcements to all: mDNS, SSDP, names of Windows, neighbour discovery."""
    random, site, sheet = place.random, place.site, place.sheet
    local, discovery = sheet.host("224.0.0.251"), sheet.host("239.255.255.250")
    broadcast, names = sheet.host(f"{site.prefix}255"), sheet.host("224.0.0.252")
    for host in site.people + site.roles["camera"] + site.roles["printer"]:
        number, n = place.number(host), place.span / 3600
        at = np.sort(place.begin + random.random(random.poisson(6 * n)) * place.span)
        sheet.udp(at, number, local, 5353, random.integers(45, 400, len(at)), src_port=5353, service="mdns")
        # Discovery goes out three or four times in a row, every so often.
        rounds = by_the_clock(random, place.begin, place.end, float(random.choice([120.0, 300.0, 900.0])), 0.02)
        rounds = rounds[random.random(len(rounds)) < 0.5]
        sheet.udp(rounds, number, discovery, 1900, 4 * 175, packets_out=4, duration=3.0, service="ssdp")
        told = by_people(random, place.begin, place.end, 2)
        sheet.udp(told, number, broadcast, 137, 50 * 3, packets_out=3, duration=1.5, src_port=137)
        sheet.udp(told + 2, number, names, 5355, 30, packets_out=2, duration=0.41)


def _intranet(place: Place) -> None:
    """The office's own web server, over plain HTTP."""
    random, site = place.random, place.site
    at = by_people(random, place.begin, place.end, 3.0 * len(site.people))
    clients = random.choice(place.numbers(site.people), len(at))
    agents = [site.agents[client % len(site.agents)] for client in clients]
    place.sheet.http(
        at, clients, place.number(site.one("web")), 80, host=["intranet.example"] * len(at), agent=agents,
        path=[_innocent(random) for _ in range(len(at))],
        status=random.choice([200, 304, 302, 404, 500], len(at), p=[0.8, 0.1, 0.05, 0.04, 0.01]),
    )  # fmt: skip


def _innocent(random: np.random.Generator) -> str:
    """A path of a page; now and then one with the signs that attacks have too."""
    if random.random() < 0.03:
        return _ODD_BUT_FINE[int(random.integers(len(_ODD_BUT_FINE)))]
    words = ("menu", "rooms", "holidays", "phone", "projects", "wiki", "time", "forms")
    word = words[int(random.integers(len(words)))]
    chance = random.random()
    if chance < 0.3:
        return f"/{word}?id={random.integers(1, 9000)}"
    if chance < 0.45:
        return f"/{word}/{words[int(random.integers(len(words)))]}.html"
    return f"/static/{word}.{('css', 'js', 'png')[int(random.integers(3))]}" if chance < 0.8 else f"/{word}"


_ODD_BUT_FINE = (
    "/search?q=O%27Brien", "/search?q=select+a+room+from+the+list", "/search?q=union+members+and+staff",
    "/search?q=%22drop+off%22+point", "/wiki/How_to_use_SELECT_and_JOIN", "/search?q=1%3D1+teams",
    "/api?filter=%7B%22name%22%3A%22or%22%2C%22id%22%3A%5B1%2C2%5D%7D", "/search?q=script+for+the+play",
    "/search?q=cat+pictures+%3B+dogs", "/static/app.js?v=..2", "/files/notes..old.txt", "/search?q=what+is+jndi",
    "/search?q=C%3A%5Cusers+folder", "/search?q=price+%3C+100+and+size+%3E+3", "/wiki/etc/passwd_policy",
)  # fmt: skip
