"""Guessing of passwords at the login pages of web servers, as far as requests can be read."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._groups import Groups, high_of_others
from amiss.network.behaviours._told import count, finding, pace, severity, span, usually
from amiss.network.finding import Finding
from amiss.network.traffic import HttpRequests, Traffic

__all__ = ["guessed_pages"]

_GAP_SECONDS = 1800.0
_LEAST_TRIES, _LEAST_SOURCES, _LEAST_TOGETHER = 10, 4, 24
_TIMES_USUAL, _MOSTLY = 3.0, 0.5
_LOGIN_PAGE = re.compile(r"log-?[io]n|sign-?in|auth|session|passw|account|token|wp-login|xmlrpc", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:^|[&{\"'])(?:p(?:ass)?w(?:or)?d|pass|passwd|password|pwd)[\"']?\s*[=:]", re.IGNORECASE)


def guessed_pages(traffic: Traffic) -> list[Finding]:
    """Logins far more than others send, by one client; or by many to one page, of which most are denied."""
    http = traffic.http
    if not http.n_requests:
        return []
    page = [path.partition("?")[0].lower() for path in http.path]
    codes: dict[str, int] = {}
    code = np.array([codes.setdefault(one, len(codes)) for one in page], np.int64)
    denied = np.isin(http.status, (401, 403))
    rows = np.flatnonzero(_logins(http, page) | denied)
    clients = Groups.of([http.client, http.server, code], http.time, rows, gap=_GAP_SECONDS)
    usual = high_of_others(clients.sizes)
    many = (clients.sizes >= _LEAST_TRIES) & (clients.sizes > _TIMES_USUAL * usual)
    told = [_told(traffic, clients.rows(int(one)), float(usual[one]), denied) for one in np.flatnonzero(many)]
    alone = np.concatenate([np.zeros(0, np.int64), *(clients.rows(int(one)) for one in np.flatnonzero(many))])
    pages = Groups.of([http.server, code], http.time, np.setdiff1d(rows, alone), gap=_GAP_SECONDS)
    crowd = (pages.sizes >= _LEAST_TOGETHER) & (pages.distinct(http.client) >= _LEAST_SOURCES)
    # Many who log in are the users; many who are turned away are not.
    crowd &= pages.total(denied) > _MOSTLY * pages.sizes
    told += [_told(traffic, pages.rows(int(one)), 0.0, denied) for one in np.flatnonzero(crowd)]
    return [one for one in told if one is not None]


def _logins(http: HttpRequests, page: list[str]) -> npt.NDArray[np.bool_]:
    """Requests that send a password, or send something to a page for it."""
    found = [
        (method.upper() == "POST" and (_LOGIN_PAGE.search(plain) is not None or _PASSWORD.search(body) is not None))
        or _PASSWORD.search(path.partition("?")[2]) is not None
        for method, plain, path, body in zip(http.method, page, http.path, http.body, strict=True)
    ]
    return np.array(found, np.bool_)


def _told(
    traffic: Traffic, picked: npt.NDArray[np.int64], usual: float, denied: npt.NDArray[np.bool_]
) -> Finding | None:
    flows, http = traffic.flows, traffic.http
    clients, server = np.unique(http.client[picked]), int(http.server[picked[0]])
    time = http.time[picked]
    mine = np.isin(flows.src, clients) & (flows.dst == server) & np.isin(flows.dst_port, http.port[picked])
    mine &= (flows.start <= time[-1] + 1) & (flows.end >= time[0] - 1)
    if not mine.any():
        return None
    words, one = flows.hosts.words, len(clients) == 1
    page, seconds = http.path[int(picked[0])].partition("?")[0][:60], float(np.ptp(time))
    share = float(denied[picked].mean())
    who = words[clients[0]] if one else count(len(clients), "host")
    reason = (
        f"{who} sent {count(len(picked), 'login')} to {page} of {words[server]} within {span(seconds)}"
        f"{f'; {share:.0%} were denied' if share else ''}; usual is {usually(usual)}"
    )
    measures = (
        Measure("logins sent", len(picked), usually(usual)),
        Measure("share that was denied", share),
        pace(seconds, len(picked)),
    )
    rows = np.flatnonzero(mine)
    return finding(
        traffic, "brute_force", int(clients[0]) if one else server, rows,
        grade=severity(0.6, len(picked), _LEAST_TRIES), reason=reason, technique="T1110", measures=measures,
        other_end=None if one else flows.src[rows],
    )  # fmt: skip
