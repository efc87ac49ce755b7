"""What exclusions ask of an event: conditions, from words."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from amiss.core.errors import ParameterError
from amiss.network.addresses import address_of, within
from amiss.network.flows import PROTOCOLS

__all__ = ["EXAMPLE", "KINDS", "Condition", "Facts", "condition"]

KINDS = (
    "vertical_scan", "horizontal_scan", "sweep", "brute_force", "flood", "beaconing", "dns_tunnel", "generated_names",
    "exfiltration", "long_connection", "newcomer", "odd_protocol", "web_attack", "lateral_movement",
    "command_and_control", "unusual_flows",
)  # fmt: skip
"""The kinds of events of network traffic."""

_WORDS = ("host", "net", "port", "domain", "kind", "time", "source", "target")
EXAMPLE = "such as 'kind beaconing and domain *.update.example', 'host 10.0.0.5', 'port 123/udp', 'time 22:00-04:00'"
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What an exclusion asks about, of a finding or of a stored event."""

    kind: str
    host: str
    peers: tuple[str, ...]
    all_peers: bool
    ports: frozenset[tuple[str, int]]
    domains: frozenset[str]
    start: float
    end: float


Condition = Callable[[Facts], bool]
"""Whether something holds of an event."""


def condition(part: str, text: str) -> Condition:
    """One condition of an exclusion, from its words; `text` is the whole, for the error.

    Raises
    ------
    ParameterError
        A word, an address, a kind, a port or a time is none; names what comes nearest.
    """
    word, _, rest = part.partition(" ")
    word, rest = word.lower(), rest.strip()
    makers = {"host": _host, "net": _net, "port": _port, "domain": _domain, "kind": _kind, "time": _hours}
    if word in {"source", "target"}:
        side, (word, _, rest) = word, rest.partition(" ")
        if word not in {"host", "net"}:
            raise ParameterError(f"{side!r} is followed by host or net, not by {word!r}", where=text, mend=EXAMPLE)
    else:
        side = ""
    if word not in makers:
        near = difflib.get_close_matches(word, _WORDS, n=1)
        mend = f"did you mean {near[0]!r}?" if near else EXAMPLE
        raise ParameterError(f"an exclusion knows no {word!r}", where=text, mend=mend)
    if not rest:
        raise ParameterError(f"{word!r} is followed by nothing", where=text, mend=EXAMPLE)
    return _sided(makers[word](rest, text), side) if word in {"host", "net"} else makers[word](rest, text)


def _sided(test: Condition, side: str) -> Condition:
    """A test of one address asked of the host, of everybody at the other end, or of either."""

    def holds(facts: Facts) -> bool:
        def asked(word: str) -> bool:
            return test(Facts(facts.kind, word, (), True, facts.ports, facts.domains, facts.start, facts.end))

        others = facts.all_peers and bool(facts.peers) and all(asked(peer) for peer in facts.peers)
        return (side != "target" and asked(facts.host)) or (side != "source" and others)

    return holds


def _host(rest: str, text: str) -> Condition:
    wanted = address_of(rest)
    if wanted is None and (" " in rest or "/" in rest):
        raise ParameterError(f"{rest!r} is no host", where=text, mend="such as 'host 10.0.0.5'; of networks 'net'")
    return lambda facts: facts.host.lower() == rest.lower() or (wanted is not None and address_of(facts.host) == wanted)


def _net(rest: str, text: str) -> Condition:
    try:
        network = ipaddress.ip_network(rest, strict=False)
    except ValueError:
        raise ParameterError(f"{rest!r} is no network", where=text, mend="such as 'net 10.2.0.0/16'") from None
    return lambda facts: within(facts.host, (network,))


def _port(rest: str, text: str) -> Condition:
    found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(\w+))?", rest)
    protocol = (found.group(3) or "").lower() if found else ""
    if not found or protocol not in {"", *PROTOCOLS.values()} or int(found.group(2) or found.group(1)) > 65_535:
        raise ParameterError(f"{rest!r} is no port", where=text, mend="such as 'port 123/udp' or 'port 8000-8099'")
    low, high = int(found.group(1)), int(found.group(2) or found.group(1))
    return lambda facts: (
        bool(facts.ports) and all(low <= port <= high and protocol in {"", kind} for kind, port in facts.ports)
    )


def _domain(rest: str, text: str) -> Condition:
    pattern = rest.lower().rstrip(".")
    if not re.fullmatch(r"[\w*?.-]+", pattern):
        raise ParameterError(f"{rest!r} is no domain", where=text, mend="such as 'domain *.example.com'")
    patterns = (pattern, pattern[2:]) if pattern.startswith("*.") else (pattern,)
    return lambda facts: (
        bool(facts.domains) and all(any(fnmatchcase(name, one) for one in patterns) for name in facts.domains)
    )


def _kind(rest: str, text: str) -> Condition:
    wanted = rest.lower().replace(" ", "_").replace("-", "_")
    if wanted not in KINDS:
        near = difflib.get_close_matches(wanted, KINDS, n=1, cutoff=0.4)
        mend = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(KINDS)}"
        raise ParameterError(f"there is no kind {rest!r}", where=text, mend=mend)
    return lambda facts: facts.kind == wanted


def _hours(rest: str, text: str) -> Condition:
    found = re.fullmatch(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", rest)
    ends = [int(word) for word in found.groups()] if found else []
    if not ends or max(ends[::2]) > 24 or max(ends[1::2]) > 59:
        raise ParameterError(f"{rest!r} is no time of day", where=text, mend="such as 'time 22:00-04:00', in UTC")
    begin, length = 3600.0 * ends[0] + 60.0 * ends[1], 3600.0 * (ends[2] - ends[0]) + 60.0 * (ends[3] - ends[1])
    length = length if length > 0 else length + _DAY_SECONDS

    def holds(facts: Facts) -> bool:
        since = (facts.start - begin) % _DAY_SECONDS
        return bool(since + (facts.end - facts.start) <= length)

    return holds
