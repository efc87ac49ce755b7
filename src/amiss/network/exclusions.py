"""Exclusions: what somebody knows to be harmless, in words, and how much of what was found each hides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from amiss.core.errors import ParameterError
from amiss.core.finding import Event
from amiss.network.addresses import address_of
from amiss.network.conditions import EXAMPLE, KINDS, Condition, Facts, condition
from amiss.network.finding import Finding
from amiss.network.flows import PROTOCOLS
from amiss.network.traffic import Traffic

__all__ = ["KINDS", "Exclusion", "kept"]

_DOMAIN = re.compile(r"(?<![\w.-])(?:[\w-]+\.)+[a-z][\w-]*\b", re.IGNORECASE)
_PORT = re.compile(r"\b(tcp|udp)?\.?port(?:range)? ?(?:== |in )?\{?([\d., -]+)")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Events that are known to be harmless and are not to be shown.

    Made from text by `parse`: one or more of these, joined by "and", all of which must hold.

    - "host 10.0.0.5", "net 10.2.0.0/16": who does it, or everybody at the other end. With "source" or "target" before
      it, only the one or only the others: "source host 10.0.0.5".
    - "port 123/udp", "port 8000-8099": all its flows go to such ports.
    - "domain *.example.com": all names that it is about; the domain itself is meant, too.
    - "kind beaconing": the kind of event.
    - "time 22:00-04:00": it lies within these hours of the day, UTC.

    After "#" a comment may follow, its parts divided by ";": the reason, "by" an author, "until" a date, from which on
    nothing more is hidden.

    Attributes
    ----------
    text
        The conditions, as written.
    reason, author
        Why, and who said so; "" where not told.
    until
        Events that end later are not hidden, seconds since 1970 UTC; infinite where there is no end.

    Examples
    --------
    >>> one = Exclusion.parse("kind beaconing and net 10.2.0.0/16  # cameras; by Ann; until 2030-01-01")
    >>> one.text, one.reason, one.author
    ('kind beaconing and net 10.2.0.0/16', 'cameras', 'Ann')
    """

    text: str
    reason: str = ""
    author: str = ""
    until: float = float("inf")
    _tests: tuple[Condition, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Exclusion:
        """An exclusion from its text.

        Raises
        ------
        ParameterError
            A word, an address, a kind, a port or a time is none; names what comes nearest.
        """
        conditions, _, comment = text.partition("#")
        words = " ".join(conditions.split())
        if not words:
            raise ParameterError("an exclusion has no conditions", where=repr(text), mend=EXAMPLE)
        tests = tuple(condition(part, text) for part in re.split(r"\s+and\s+", words, flags=re.IGNORECASE))
        reason, author, until = _comment(comment, text)
        return cls(words, reason, author, until, tests)

    @classmethod
    def of_event(cls, event: Event, *, reason: str = "called normal", author: str = "") -> Exclusion:
        """The exclusion of what is like an event that was called normal: the host, the kind, and the one other end."""
        facts = _of_event(event)
        parts = [f"source host {facts.host}"] if facts.host else []
        parts += [f"kind {facts.kind}"] if facts.kind in KINDS else []
        if len(facts.domains) == 1:
            parts.append(f"domain {next(iter(facts.domains))}")
        elif len(facts.peers) == 1 and facts.all_peers:
            parts.append(f"target host {facts.peers[0]}")
        if not parts:
            raise ParameterError(
                "the event has neither host nor kind to be known by", mend="write an exclusion in words"
            )
        made = cls.parse(" and ".join(parts))
        return cls(made.text, reason, author, made.until, made._tests)

    def hides(self, event: Event) -> bool:
        """Whether a stored event is hidden.

        A stored event lists at most ten hosts at the other end: where there are more, only the host itself can hide it.
        Its ports and names are those that its filter and its sentence tell.
        """
        return self._holds(_of_event(event))

    def covers(self, finding: Finding, traffic: Traffic) -> bool:
        """Whether a finding in some traffic is hidden."""
        return self._holds(_of_finding(finding, traffic))

    def _holds(self, facts: Facts) -> bool:
        return not facts.end > self.until and all(test(facts) for test in self._tests)


def kept(
    findings: Iterable[Finding], traffic: Traffic, exclusions: Sequence[Exclusion]
) -> tuple[list[Finding], tuple[int, ...]]:
    """Findings that no exclusion hides, and how many each hides; one that several hide counts for each of them."""
    left, counts = [], [0] * len(exclusions)
    for one in findings:
        facts = _of_finding(one, traffic)
        hiding = [i for i, exclusion in enumerate(exclusions) if exclusion._holds(facts)]
        for i in hiding:
            counts[i] += 1
        if not hiding:
            left.append(one)
    return left, tuple(counts)


def _of_finding(finding: Finding, traffic: Traffic) -> Facts:
    flows, rows = traffic.flows, finding.flows
    pairs = np.unique(np.column_stack([flows.protocol[rows], flows.dst_port[rows]]), axis=0)
    ports = frozenset((PROTOCOLS.get(int(protocol), str(protocol)), int(port)) for protocol, port in pairs)
    named = frozenset(flows.names[code].lower() for code in np.unique(flows.name[rows]) if code >= 0)
    # What is asked of name servers is told by the sentence: a flow has the first name alone.
    domains = named or _domains(finding.reason)
    return Facts(finding.kind, finding.host, finding.peers, True, ports, domains, finding.start, finding.end)


def _of_event(event: Event) -> Facts:
    evidence = event.evidence
    peers = evidence.peers if evidence else ()
    all_peers = evidence is not None and evidence.n_peers == len(peers)
    ports = _ports(evidence.display_filter) | _ports(evidence.capture_filter) if evidence else frozenset()
    return Facts(
        event.kind or "", event.entity or "", peers, all_peers, ports, _domains(event.reason), _seconds(event.start),
        _seconds(event.end),
    )  # fmt: skip


def _seconds(time: str | None) -> float:
    if time is None:
        return float("nan")
    moment = datetime.fromisoformat(time)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _domains(sentence: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _DOMAIN.findall(sentence) if address_of(word) is None)


def _ports(filter_text: str) -> frozenset[tuple[str, int]]:
    found = set()
    protocols = [name for name in ("tcp", "udp") if re.search(rf"\b{name}\b", filter_text)] or ["tcp", "udp"]
    for protocol, spans in _PORT.findall(filter_text):
        for part in re.split(r"[,\s]+", spans.strip()):
            low, _, high = re.sub(r"\.\.", "-", part).partition("-")
            if low.isdigit():
                stop = int(high) if high.isdigit() else int(low)
                kinds = [protocol] if protocol else protocols
                found |= {(kind, port) for kind in kinds for port in {int(low), stop}}
    return frozenset(found)


def _comment(comment: str, text: str) -> tuple[str, str, float]:
    reasons, author, until = [], "", float("inf")
    for part in (piece.strip() for piece in comment.split(";")):
        if part.lower().startswith("by "):
            author = part[3:].strip()
        elif part.lower().startswith("until "):
            try:
                until = _seconds(part[6:].strip())
            except ValueError:
                raise ParameterError(
                    f"{part[6:].strip()!r} is no date", where=text, mend="such as 'until 2030-01-01'"
                ) from None
        elif part:
            reasons.append(part)
    return "; ".join(reasons), author, until
