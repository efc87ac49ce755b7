"""What is harmless and looks like an attack: regular, large, to many, or with names that look drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from amiss.datasets.network.office import ask, hash_of
from amiss.datasets.network.site import Place
from amiss.datasets.network.timing import by_people, by_the_clock, heavy
from amiss.datasets.network.words import hex_of, path_of

__all__ = ["LOOK_ALIKES", "look_alikes"]


def look_alikes(place: Place) -> None:
    """All of them, each labelled with its host."""
    for make in LOOK_ALIKES:
        make(place)


def _time(place: Place) -> None:
    random, site = place.random, place.site
    servers = place.numbers(site.uses["time"].addresses)
    for host in site.people[::3] + site.roles["camera"] + site.roles["thermostat"] + [site.one("directory")]:
        interval = float(random.choice([64.0, 256.0, 512.0, 1024.0, 3600.0]))
        at = by_the_clock(random, place.begin, place.end, interval, 0.03)
        with place.sheet.about("time_keeping", "ntp", host, site.uses["time"].addresses, planted=False):
            place.sheet.udp(
                at, place.number(host), random.choice(servers[:2]), 123, 48, 48, src_port=123, service="ntp"
            )


def _updates(place: Place) -> None:
    random, use = place.random, place.site.uses["updates"]
    for host in place.site.people[::2] + place.site.roles["backup"]:
        interval = float(random.choice([1800.0, 3600.0, 7200.0, 21_600.0]))
        at = by_the_clock(random, place.begin, place.end, interval, 0.02)
        got = np.where(
            random.random(len(at)) < 0.15,
            heavy(random, 4e6, 1.5, len(at), 3e8),
            6000 + random.integers(0, 900, len(at)),
        )
        with place.sheet.about("update_check", "timer", host, use.addresses, planted=False):
            ask(place, place.number(host), at, [use.names[0]] * len(at))
            place.sheet.tcp(at, place.number(host), place.numbers(use.addresses)[0], 443, 1800, got, service="tls",
                            name=[use.names[0]] * len(at))  # fmt: skip


def _backup(place: Place) -> None:
    random, site = place.random, place.site
    backup, offsite = place.number(site.one("backup")), site.uses["offsite"]
    midnights = np.arange(place.begin - place.begin % 86_400, place.end, 86_400.0)
    night = midnights + 3600 * 2.2 + random.uniform(0, 60, len(midnights))
    night = night[(night >= place.begin) & (night < place.end)]
    for host in [site.one("files"), site.one("mail"), site.one("web"), *site.people]:
        if host in site.people and random.random() < 0.5:
            continue
        at = night + random.uniform(0, 1800)
        with place.sheet.about("backup", "nightly", host, [site.one("backup")], planted=False):
            size = heavy(random, 5e7, 1.0, len(at), 2e9)
            place.sheet.tcp(at, place.number(host), backup, 873, size, size / 200, duration=size / 3e7, service="rsync")
    # A copy leaves the house: large, every night, and in little pieces over the day.
    at = np.sort(np.append(night + 3600, by_the_clock(random, place.begin, place.end, 3600, 0.02)))
    with place.sheet.about("backup", "offsite", site.one("backup"), offsite.addresses[:1], planted=False):
        size = heavy(random, 2e7, 0.5, len(at), 1e9)
        ask(place, backup, at, [offsite.names[0]] * len(at))
        place.sheet.tcp(at, backup, place.numbers(offsite.addresses)[0], 443, size, 5000, duration=size / 5e6,
                        service="tls", name=[offsite.names[0]] * len(at))  # fmt: skip


def _monitor(place: Place) -> None:
    """A monitor that touches every host each few minutes, on the ports that it knows of them."""
    random, site, sheet = place.random, place.site, place.sheet
    monitor = site.one("monitor")
    interval = float(random.choice([60.0, 120.0, 300.0]))
    with sheet.about("monitoring", "polls", monitor, site.inside, planted=False):
        for host in site.inside:
            if host == monitor:
                continue
            at, number = by_the_clock(random, place.begin, place.end, interval, 0.01), place.number(host)
            alive = random.random(len(at)) < 0.999
            sheet.icmp(at, place.number(monitor), number, answered=alive)
            if host not in site.people:
                sheet.udp(at + 0.5, place.number(monitor), number, 161, 60, 90 + hash_of(host) % 60, service="snmp")
            if host == site.one("web"):
                sheet.http(at + 1, place.number(monitor), number, 80, host=["intranet.example"] * len(at),
                           path=["/health"] * len(at), agent="monitor/1.0", into=250)  # fmt: skip
            for role, port in (("mail", 25), ("files", 445), ("directory", 389)):
                if host == site.one(role):
                    sheet.tcp(at + 1, place.number(monitor), number, port, 90, 250)


def _keep_alives(place: Place) -> None:
    """Chat and push: a connection held for hours, and short calls by timer."""
    random, use = place.random, place.site.uses["push"]
    for host in place.site.people:
        at = np.array([place.begin + random.uniform(0, place.span * 0.3)])
        lasts = np.minimum(random.uniform(0.3, 1.0) * place.span, place.end - at[0] - 1)
        beats = max(int(lasts / 50), 1)
        with place.sheet.about("keep_alive", "push", host, use.addresses, planted=False):
            ask(place, place.number(host), at, [use.names[0]])
            place.sheet.tcp(at, place.number(host), place.numbers(use.addresses)[1], 443, 700 + beats * 39.0,
                            4000 + beats * 39.0, duration=lasts, service="tls", name=[use.names[0]], state="S1",
                            segment_out=60, segment_in=120)  # fmt: skip
        with place.sheet.about("telemetry", "timer", host, place.site.uses["telemetry"].addresses, planted=False):
            tell = by_the_clock(
                random, place.begin, place.end, float(random.choice([300.0, 900.0, 1800.0])), 0.2, walks=True
            )
            name = place.site.uses["telemetry"].names[0]
            ask(place, place.number(host), tell, [name] * len(tell))
            place.sheet.tcp(
                tell,
                place.number(host),
                place.numbers(place.site.uses["telemetry"].addresses)[0],
                443,
                heavy(random, 2500, 0.5, len(tell)),
                4200,
                service="tls",
                name=[name] * len(tell),
            )


def _mail_server(place: Place) -> None:
    """Delivers to many, is delivered to by many, and asks lists of senders of spam for names that look drawn."""
    random, site, sheet = place.random, place.site, place.sheet
    mail, resolver = site.one("mail"), place.number(site.one("directory"))
    at = by_people(random, place.begin, place.end, 2.0 * len(site.people))
    peers = [f"198.19.{random.integers(0, 60)}.{random.integers(1, 255)}" for _ in at]
    with sheet.about("mail_server", "many_peers", mail, planted=False):
        numbers, out = place.numbers(peers), heavy(random, 9000, 1.5, len(at), 2e7)
        sheet.tcp(
            at,
            place.number(mail),
            numbers,
            25,
            out,
            1500,
            service="smtp",
            duration=random.exponential(4, len(at)),
            state=list(random.choice(["SF", "S0", "RSTR"], len(at), p=[0.95, 0.03, 0.02])),
        )
        sheet.tcp(at + 7, numbers, place.number(mail), 25, out, 1500, service="smtp")
    with sheet.about("blocklist", "dns", mail, planted=False):
        lists = site.uses["blocklist"].names[0]
        names = [".".join(reversed(peer.split("."))) + "." + lists for peer in peers]
        sheet.dns(at + 6.9, place.number(mail), resolver, names, code=np.where(random.random(len(at)) < 0.85, 3, 0))


def _antivirus(place: Place) -> None:
    """Asks by DNS whether files are known: their hashes stand in the names."""
    random, site = place.random, place.site
    domain = site.uses["antivirus"].names[0]
    for host in site.people[::4]:
        at = by_people(random, place.begin, place.end, 25)
        names = [f"{word}.{domain}" for word in hex_of(random, len(at), 32)]
        with place.sheet.about("antivirus", "dns_hashes", host, [site.one("directory")], planted=False):
            place.sheet.dns(at, place.number(host), place.number(site.one("directory")), names, kind=1,
                            code=np.where(random.random(len(at)) < 0.1, 3, 0))  # fmt: skip


def _upload(place: Place) -> None:
    """Someone puts a video or a folder where it always goes: large, to a service that is well known here."""
    random, use = place.random, place.site.uses["drive"]
    for host in place.site.people[::2]:
        at = by_people(random, place.begin, place.end, 0.8)
        with place.sheet.about("upload", "drive", host, use.addresses, planted=False):
            ask(place, place.number(host), at, [use.names[0]] * len(at))
            size = heavy(random, 2e6, 1.6, len(at), 4e8)
            place.sheet.tcp(at, place.number(host), place.numbers(use.addresses)[hash_of(host) % 4], 443, size, 6000,
                            duration=2 + size / 4e6, service="tls", name=[use.names[0]] * len(at))  # fmt: skip


def _server_down(place: Place) -> None:
    """A server that does not answer, and clients that try again by timer: attempts refused are no beacon."""
    random = place.random
    dead, outside = place.site.free(random, 1)[0], place.stranger()
    for host, target, state in ((place.site.people[0], dead, "S0"), (place.site.people[-1], outside, "REJ")):
        begin, end = place.stretch(1800, 4 * 3600)
        at = by_the_clock(random, begin, end, float(random.choice([10.0, 30.0, 60.0])), 0.02, walks=True)
        with place.sheet.about("server_down", state, host, [target], planted=False):
            place.sheet.tcp(at, place.number(host), place.number(target), 8443, state=state, tries=2)


def _tunnel_allowed(place: Place) -> None:
    """A VPN held by someone at home, and a long SSH session inside."""
    random, use = place.random, place.site.uses["vpn"]
    host = place.site.people[min(2, len(place.site.people) - 1)]
    begin, end = place.stretch(3600, 9 * 3600)
    lasts = end - begin
    with place.sheet.about("vpn", "udp", host, use.addresses[:1], planted=False):
        out, into = lasts * random.uniform(500, 4000), lasts * random.uniform(2000, 20_000)
        place.sheet.udp(
            begin,
            place.number(host),
            place.number(use.addresses[0]),
            4500,
            out,
            into,
            packets_out=lasts / 5 + out / 900,
            packets_in=lasts / 5 + into / 1200,
            duration=lasts,
        )
    with place.sheet.about("long_session", "ssh", place.site.people[0], [place.site.one("web")], planted=False):
        place.sheet.tcp(begin, place.number(place.site.people[0]), place.number(place.site.one("web")), 22, lasts * 4,
                        lasts * 20, duration=lasts, service="ssh", segment_out=80, segment_in=250)  # fmt: skip


def _web_calls(place: Place) -> None:
    """A program that asks a service of the vendor's for the same page by timer, in plain HTTP."""
    random, use = place.random, place.site.uses["vendor"]
    host = place.site.one("printer")
    at = by_the_clock(random, place.begin, place.end, 900.0, 0.02)
    with place.sheet.about("status_call", "http", host, use.addresses[:1], planted=False):
        place.sheet.http(at, place.number(host), place.number(use.addresses[0]), 80, host=[use.names[0]] * len(at),
                         path=[path_of(random)] * len(at), agent="printer/2.1", into=400)  # fmt: skip


LOOK_ALIKES: tuple[Callable[[Place], None], ...] = (
    _time, _updates, _backup, _monitor, _keep_alives, _mail_server, _antivirus, _upload, _server_down, _tunnel_allowed,
    _web_calls,
)  # fmt: skip
