"""A network's traffic, made: an office with people and things, and behaviours planted in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.datasets.network.attacks import brute_force, flood
from amiss.datasets.network.capture import write_capture
from amiss.datasets.network.hidden import beaconing, exfiltration, long_connection
from amiss.datasets.network.internet import internet
from amiss.datasets.network.look_alikes import look_alikes as make_look_alikes
from amiss.datasets.network.names import dns_tunnel, generated_names
from amiss.datasets.network.oddities import lateral_movement, newcomer, odd_protocol, web_attack
from amiss.datasets.network.office import office
from amiss.datasets.network.scans import horizontal_scan, sweep, vertical_scan
from amiss.datasets.network.services import services
from amiss.datasets.network.sheet import Label, Sheet
from amiss.datasets.network.site import Place, make_site
from amiss.datasets.network.things import things
from amiss.network.addresses import Addresses
from amiss.network.flows import Flows
from amiss.network.traffic import DnsMessages, HttpRequests, Traffic

__all__ = ["KINDS", "Network", "Planted", "make_network"]

_MONDAY = 1_772_409_600.0
"""2026-03-02, midnight in UTC."""

KINDS: dict[str, tuple[Callable[[Place, str], None], tuple[str, ...]]] = {
    "vertical_scan": (vertical_scan, ("syn", "connect", "udp", "slow", "all")),
    "horizontal_scan": (horizontal_scan, ("tcp", "udp", "slow")),
    "sweep": (sweep, ("icmp", "arp", "slow")),
    "brute_force": (brute_force, ("ssh", "rdp", "ftp", "http", "slow", "many_sources")),
    "flood": (flood, ("syn", "udp", "icmp", "dhcp", "http", "amplified")),
    "beaconing": (beaconing, ("steady", "jitter", "drop_outs", "sessions")),
    "exfiltration": (exfiltration, ("once", "slow", "icmp")),
    "long_connection": (long_connection, ("quiet", "busy")),
    "dns_tunnel": (dns_tunnel, ("txt", "null", "cname", "a", "slow", "exfil")),
    "generated_names": (generated_names, ("letters", "words", "slow")),
    "newcomer": (newcomer, ("device", "service", "peer", "dhcp_server", "dns_server")),
    "odd_protocol": (
        odd_protocol,
        ("null", "fin", "xmas", "syn_fin", "land", "ssh_on_443", "ssh_on_80", "http_on_odd"),
    ),
    "web_attack": (web_attack, ("sql", "traversal", "jndi", "command", "xss")),
    "lateral_movement": (lateral_movement, ("smb", "rdp", "ssh")),
}
"""What can be planted, by kind: who makes it, and its variants."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One stretch of traffic with a label.

    Attributes
    ----------
    kind, variant
        What it is: of what is planted one of `KINDS`, of look-alikes what they are in truth.
    host
        Who does it; where the sources are many or forged, whom it is done to.
    peers
        The hosts at the other end; "forged" where they are made up.
    start, end
        First and last moment, seconds since 1970 UTC.
    flows : (n_flows,)
        Positions of its flows in the traffic, ascending.
    """

    kind: str
    variant: str
    host: str
    peers: tuple[str, ...]
    start: float
    end: float
    flows: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Network:
    """Traffic of a network, and what is known of it.

    Attributes
    ----------
    traffic
        Flows, questions to name servers and requests to web servers.
    planted
        The behaviours asked for.
    look_alikes
        What is harmless and looks a little like one: time keeping, update checks, backups, monitors, keep-alives.
    roles
        Hosts inside, by what they are there for.
    details
        What the packets are made from, a column an entry: sizes of segments, tries, what is sent again.
    """

    traffic: Traffic
    planted: tuple[Planted, ...]
    look_alikes: tuple[Planted, ...]
    roles: dict[str, tuple[str, ...]]
    details: dict[str, npt.NDArray[Any]]

    @property
    def is_planted(self) -> npt.NDArray[np.bool_]:
        """Whether a flow belongs to a planted behaviour: (n_flows,)."""
        touched = np.zeros(self.traffic.flows.n_flows, np.bool_)
        for one in self.planted:
            touched[one.flows] = True
        return touched

    def write_pcap(self, path: str | Path) -> int:
        """Write the traffic as a capture: Ethernet, microseconds, every packet whole.

        Packets are made one flow after the other and merged in time, so memory holds only the flows that are going on.
        An hour of 20 hosts is a few million packets where backups and video run; short spans are meant.

        Parameters
        ----------
        path
            The file; what is there is replaced.

        Returns
        -------
        int
            Number of packets.
        """
        return write_capture(self.traffic, self.details, Path(path), self.roles["gateway"][0])


def make_network(
    *,
    n_hosts: int = 50,
    hours: float = 24.0,
    behaviours: Sequence[str] = (),
    look_alikes: bool = True,
    exposed: bool = False,
    seed: int = 0,
    site: int | None = None,
    start: float | None = None,
) -> Network:
    """Make the traffic of an office.

    People browse, mail, share files, print and call by the hour of the day; machines keep time, renew leases, ask for
    names, are polled and polled for; things publish, stream and report. All names end in reserved words, all addresses
    are of private, documentation or benchmark networks.

    Parameters
    ----------
    n_hosts
        Hosts inside, at least 16.
    hours
        Length, more than 0.
    behaviours
        What to plant, each once: names of kinds, or "kind/variant"; the variant is drawn where none is named.
    look_alikes
        Whether harmless traffic that looks like one of the behaviours is there.
    exposed
        Whether the network is seen from outside, so that unasked probes arrive.
    seed
        Equal seeds give equal networks.
    site
        Draws who is there and which services are used, `seed` where absent: with one `site`, several seeds give
        several days of one office.
    start
        First moment, seconds since 1970 UTC. Where absent, a Monday: at midnight if there are 24 hours or more,
        otherwise at a drawn hour such that they end within the day.

    Raises
    ------
    ValueError
        Too few hosts or hours, or a behaviour that is not known.

    Examples
    --------
    >>> from amiss.datasets import make_network
    >>> network = make_network(n_hosts=20, hours=1, behaviours=["vertical_scan/syn"], seed=1)
    >>> network.planted[0].kind, len(network.planted[0].flows) >= 20
    ('vertical_scan', True)
    """
    if n_hosts < 16 or not hours > 0:
        raise ValueError("a network needs at least 16 hosts and more than 0 hours")
    wanted = [_wanted(word) for word in behaviours]
    random = np.random.default_rng(seed)
    sheet = Sheet(np.random.default_rng([seed, 1]))
    office_site = make_site(n_hosts, seed if site is None else site, sheet)
    begin = start
    if begin is None:
        begin = _MONDAY + float(random.integers(0, max(int(24 - hours), 0) + 1)) * 3600
    place = Place(office_site, sheet, random, begin, begin + hours * 3600)
    for make in (
        office,
        services,
        things,
        *([make_look_alikes] if look_alikes else []),
        *([internet] if exposed else []),
    ):
        make(place)
    for number, (kind, variant) in enumerate(wanted):
        plant, variants = KINDS[kind]
        # Each draws from a well of its own, so that what is planted beside it does not change it.
        place.random = np.random.default_rng([seed, number, *kind.encode()])
        chosen = str(place.random.choice(variants))
        plant(place, variant or chosen)
    return _network(place)


def _wanted(word: str) -> tuple[str, str]:
    kind, _, variant = word.partition("/")
    if kind not in KINDS or (variant and variant not in KINDS[kind][1]):
        known = KINDS[kind][1] if kind in KINDS else tuple(KINDS)
        raise ValueError(f"no behaviour {word!r}; there are {', '.join(known)}")
    return kind, variant


_DETAILS = ("segment_out", "segment_in", "again_out", "again_in", "tries", "far")
_COLUMNS = (
    "start", "duration", "src", "dst", "src_port", "dst_port", "protocol", "state", "packets_out", "packets_in",
    "bytes_out", "bytes_in", "payload_out", "payload_in", "flags_out", "flags_in", "service", "name",
)  # fmt: skip


def _network(place: Place) -> Network:
    sheet = place.sheet
    columns = {name: np.concatenate([part[name] for part in sheet.parts]) for name in (*_COLUMNS, *_DETAILS, "tag")}
    keep = np.flatnonzero((columns["start"] >= place.begin) & (columns["start"] < place.end))
    order = keep[np.argsort(columns["start"][keep], kind="stable")]
    position = np.full(sheet.n_flows, -1, np.int64)
    position[order] = np.arange(len(order))
    columns = {name: values[order] for name, values in columns.items()}
    words: dict[str, Any] = {"services": tuple(sheet.services), "names": tuple(sheet.names)}
    values: dict[str, Any] = {name: columns[name] for name in _COLUMNS}
    flows = Flows(hosts=Addresses(list(sheet.hosts)), vlan=np.zeros(len(order), np.int32), **words, **values)
    dns, dns_flow = _messages(sheet.dns_parts, position)
    http, http_flow = _messages(sheet.http_parts, position)
    details = {name: columns[name] for name in _DETAILS} | {"dns_flow": dns_flow, "http_flow": http_flow}
    details["sent"] = np.array(http.pop("sent", ()), object)
    traffic = Traffic(
        flows, DnsMessages(**dns) if dns else DnsMessages.none(), HttpRequests(**http) if http else HttpRequests.none()
    )
    marked = _marked(sheet.labels, columns["tag"], flows)
    return Network(
        traffic, tuple(one for label, one in marked if label.planted),
        tuple(one for label, one in marked if not label.planted),
        {role: tuple(hosts) for role, hosts in place.site.roles.items()}, details,
    )  # fmt: skip


def _marked(labels: list[Label], tags: npt.NDArray[Any], flows: Flows) -> list[tuple[Label, Planted]]:
    order = np.argsort(tags, kind="stable")
    bounds = np.searchsorted(tags[order], np.arange(1, len(labels) + 2))
    found = []
    for number, label in enumerate(labels):
        rows = np.sort(order[bounds[number] : bounds[number + 1]]).astype(np.int64)
        if len(rows):
            first, last = float(flows.start[rows[0]]), float(flows.end[rows].max())
            found.append((label, Planted(label.kind, label.variant, label.host, label.peers, first, last, rows)))
    return found


def _messages(
    parts: list[dict[str, Any]], position: npt.NDArray[np.int64]
) -> tuple[dict[str, Any], npt.NDArray[np.int64]]:
    """Columns of all messages in the order of time, without those cut off, and the flow that each came with."""
    if not parts:
        return {}, np.empty(0, np.int64)
    flow = position[np.concatenate([part["flow"] for part in parts])]
    time = np.concatenate([part["time"] for part in parts])
    order = np.argsort(time, kind="stable")
    order = order[flow[order] >= 0]
    found: dict[str, Any] = {}
    for name in parts[0]:
        if isinstance(parts[0][name], np.ndarray):
            found[name] = np.concatenate([part[name] for part in parts])[order]
        else:
            words = [word for part in parts for word in part[name]]
            found[name] = tuple(words[i] for i in order)
    found.pop("flow")
    return found, flow[order]
