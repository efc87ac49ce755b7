"""Attacks on web servers: requests that carry code where a value belongs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import ClassVar
from urllib.parse import unquote_plus

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._attack_signs import SIGNS, SUSPECT
from amiss.network.behaviours._groups import Groups
from amiss.network.behaviours._told import count, finding, severity, span
from amiss.network.finding import Finding
from amiss.network.traffic import Traffic

__all__ = ["WebAttack", "attack_of"]

_GAP_SECONDS = 3600.0
_ENOUGH = 1.0
_MOST_VALUES = 64
_BLANKS = re.compile(r"\s{2,}")
_COMMENT = re.compile(r"/\*[^*]*(?:\*(?!/)[^*]*)*\*/")


class WebAttack:
    """Requests whose values are statements, paths, look-ups or scripts instead of values.

    Each value of the path, the query, what was sent along, and the browser's name is read by itself, after its codes
    are undone; words of SQL alone, or a quote in a name, are none: it is the structure that counts, such as a closed
    value followed by a condition between constants. Weak signs count only where a client sends several
    different ones. What is inside HTTPS is not seen.
    """

    kind: ClassVar[str] = "web_attack"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Attacks, one for each client and server and stretch of time."""
        http = traffic.http
        if not http.n_requests:
            return []
        seen = [
            attack_of(path, body, agent, host)
            for path, body, agent, host in zip(http.path, http.body, http.agent, http.host, strict=True)
        ]
        weight = np.array([one[1] for one in seen])
        groups = Groups.of([http.client, http.server], http.time, np.flatnonzero(weight > 0), gap=_GAP_SECONDS)
        found = []
        for group in range(len(groups)):
            rows = groups.rows(group)
            texts = {http.path[row] + http.body[row]: float(weight[row]) for row in rows}
            if weight[rows].max() >= _ENOUGH or (len(texts) >= 3 and sum(texts.values()) >= 2 * _ENOUGH):
                found.append(_told(traffic, rows, [seen[row][0] for row in rows], weight[rows]))
        return [one for one in found if one is not None]


@lru_cache(maxsize=65_536)
def attack_of(path: str, body: str = "", agent: str = "", host: str = "") -> tuple[str, float]:
    """The kind of attack that a request most looks like, and how much: from 1 on it is one; ("", 0) for none.

    Examples
    --------
    >>> attack_of("/item?id=1%27%20or%20%271%27=%271")
    ('SQL injection', 1.0)
    >>> attack_of("/search?q=O'Brien+and+sons+select+shirts")
    ('', 0.0)
    """
    total: dict[str, float] = {}
    for value in _values(path, body, agent, host):
        for kind, weight, pattern in SIGNS:
            if pattern.search(value):
                total[kind] = total.get(kind, 0.0) + weight
    if not total:
        return "", 0.0
    kind = max(total, key=lambda one: total[one])
    return kind, round(total[kind], 2)


def _values(path: str, body: str, agent: str, host: str) -> list[str]:
    whole, _, query = path.partition("?")
    parts = [whole]
    for text in (query, body):
        # JSON and the like hold whole texts; forms hold values between signs.
        form = "=" in text and text[:1] not in "{[<"
        parts += [value.partition("=")[2] or value for value in text.split("&")] if form else [text]
    parts = [*parts[:_MOST_VALUES], "&".join(parts[_MOST_VALUES:])]
    values = [_plain(part) for part in (*parts, agent, host) if part]
    return [value for value in values if SUSPECT.search(value)]


def _plain(text: str) -> str:
    """The text without its codes, which attackers lay over one another."""
    for _ in range(3):
        bare = unquote_plus(text, errors="replace")
        if bare == text:
            break
        text = bare
    # Comments stand for the blanks that filters look for; long runs of blanks only cost the patterns time.
    return _BLANKS.sub(lambda run: "\n" if "\n" in run[0] else " ", _COMMENT.sub(" ", text))


def _told(
    traffic: Traffic, rows: npt.NDArray[np.int64], kinds: list[str], weight: npt.NDArray[np.float64]
) -> Finding | None:
    http, flows = traffic.http, traffic.flows
    host, server = int(http.client[rows[0]]), int(http.server[rows[0]])
    mine = (flows.src == host) & (flows.dst == server) & np.isin(flows.dst_port, http.port[rows])
    mine &= (flows.start <= http.time[rows[-1]] + 1) & (flows.end >= http.time[rows[0]] - 1)
    if not mine.any():
        return None
    ranked = sorted(set(kinds), key=lambda one: -sum(w for kind, w in zip(kinds, weight, strict=True) if kind == one))
    worst = int(rows[int(np.argmax(weight))])
    sample = _plain(http.path[worst])[:100]
    answered = int((http.status[rows] // 100 == 2).sum())
    reason = (
        f"{flows.hosts.words[host]} sent {count(len(rows), 'request')} with {ranked[0]} to {flows.hosts.words[server]} "
        f"within {span(float(np.ptp(http.time[rows])))}, such as {sample!r}; {answered:,} had an answer as if all were "
        "well"
    )
    measures = (
        Measure("requests that carry code", len(rows), "none"),
        Measure("answered with success", answered),
        Measure("strength of the signs", float(weight.max()), f"less than {_ENOUGH:g}"),
    )
    return finding(
        traffic, "web_attack", host, np.flatnonzero(mine), grade=severity(0.7, float(weight.sum()), _ENOUGH / 2),
        reason=reason, technique="T1190", measures=measures,
    )  # fmt: skip
