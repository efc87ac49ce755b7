"""Connections that stay open for hours to a server that nobody else knows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.behaviours._groups import Groups
from amiss.network.behaviours._targets import Targets
from amiss.network.behaviours._told import amount, count, finding, severity, span
from amiss.network.finding import Finding
from amiss.network.flows import TCP, UDP, Flows
from amiss.network.outcomes import attempts, failed, inside
from amiss.network.traffic import Traffic

__all__ = ["LongConnection"]

_LEAST_SECONDS, _LEAST_SHARE = 3600.0, 0.4
_LEAST_FLEET = 5
_TIMES_OTHERS = 2.0
_PIECE_GAP_SECONDS = 300.0
_WEB, _SMALLEST_MESSAGE = (80, 443), 30.0
"""Bytes of a record of TLS with hardly anything in it: who is called keeps in touch with one a minute or so."""
_STAY_OPEN = {53, 123, 500, 853, 993, 1701, 1723, 1883, 3478, 4500, 5222, 5223, 5228, 5229, 5230, 8883, 51820}
"""Ports of services whose connections stay open by design: tunnels of offices, mail and messages that wait."""


class LongConnection:
    """Hosts that keep a connection open for hours with an outside server that few others reach.

    A long connection that a source cuts into pieces counts as one. Hours are many where they are at least one, two
    fifths of the time that was watched or four, and twice what others keep up with servers like it: on the same port,
    and with a name asked for if this one has one. A connection with a web server that was asked for by its name, and
    through which less than the smallest message a minute goes out, is one that nobody closed.
    """

    kind: ClassVar[str] = "long_connection"

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """Long connections, one finding for each host and server."""
        flows = traffic.flows
        own, targets = inside(flows), Targets.of(flows, usual)
        mask = attempts(flows) & ~failed(flows) & ~np.isin(flows.dst_port, list(_STAY_OPEN))
        if not mask.any():
            return []
        mask &= own[flows.src] & ~own[flows.dst]
        if np.count_nonzero(own) < _LEAST_FLEET:
            # Whether others reach a server, too, cannot be known of one host alone; the web is full of long talk.
            mask &= ~np.isin(flows.dst_port, _WEB)
        mask &= ~targets.shared(own)[targets.code] & ~targets.known[targets.code]
        pieces = Groups.of([flows.src, flows.dst, flows.src_port, flows.dst_port, flows.protocol], flows.start,
                           np.flatnonzero(mask))  # fmt: skip
        if not len(pieces):
            return []
        lasted = pieces.highest(flows.end) - flows.start[pieces.first]
        covered = pieces.total(np.maximum(np.nan_to_num(flows.duration, nan=0.0), 0.0))
        # Ports are used again: pieces that leave long pauses between them are several connections.
        whole = lasted - covered <= _PIECE_GAP_SECONDS * np.maximum(pieces.sizes - 1, 0) + 1.0
        watched = float(np.ptp(flows.start))
        least = max(_LEAST_SECONDS, min(4 * 3600.0, _LEAST_SHARE * watched))
        found: dict[tuple[int, int], list[int]] = {}
        left_open = _left_open(flows, pieces, lasted)
        for group in np.flatnonzero(~left_open & whole & (lasted >= least) & (lasted <= covered * 1.5 + 1)):
            row = pieces.first[group]
            if lasted[group] <= _TIMES_OTHERS * _others(flows, pieces, lasted, int(group)):
                continue
            found.setdefault((int(flows.src[row]), int(flows.dst[row])), []).append(int(group))
        return [self._told(traffic, pieces, groups, float(lasted[groups].max()), targets) for groups in found.values()]

    @staticmethod
    def _told(traffic: Traffic, pieces: Groups, groups: list[int], seconds: float, targets: Targets) -> Finding:
        flows = traffic.flows
        rows = np.concatenate([pieces.rows(group) for group in groups])
        host = int(flows.src[rows[0]])
        others = np.isin(flows.protocol, (TCP, UDP)) & ~np.isnan(flows.duration)
        others[rows] = False
        usual = _high(flows.duration[others])
        out, back = float(np.nansum(flows.bytes_out[rows])), float(np.nansum(flows.bytes_in[rows]))
        where = targets.word(int(targets.code[rows[0]]))
        n_hosts = int(targets.n_hosts[targets.code[rows[0]]])
        whom = "no other host has one" if n_hosts <= 1 else f"{count(n_hosts - 1, 'other host')} had one too"
        reason = (
            f"{flows.hosts.words[host]} held a connection with {where} on port {flows.dst_port[rows[0]]} for "
            f"{span(seconds)}, {amount(out)} out and {amount(back)} in; {whom}, and 99% of the others last less than "
            f"{span(usual)}"
        )
        measures = (
            Measure("duration", seconds, f"up to {span(usual)}", "s"),
            Measure("bytes out", out, "", "bytes"),
            Measure("bytes in", back, "", "bytes"),
            Measure("other hosts that reach it", n_hosts - 1),
        )
        return finding(
            traffic, "long_connection", host, rows, grade=severity(0.4, seconds, _LEAST_SECONDS), reason=reason,
            technique="T1571", measures=measures,
        )  # fmt: skip


def _left_open(flows: Flows, pieces: Groups, lasted: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Connections with a web server, by its name, that nobody speaks through; where it is not told, somebody does."""
    first = pieces.first
    known = ~np.isnan(flows.payload_out[first])
    silent = pieces.total(flows.payload_out) < _SMALLEST_MESSAGE / 60.0 * lasted
    named = (flows.name[first] >= 0) & np.isin(flows.dst_port[first], _WEB)
    return np.asarray(known & silent & named, np.bool_)


def _others(flows: Flows, pieces: Groups, lasted: npt.NDArray[np.float64], group: int) -> float:
    """The second longest connection of other hosts to the same port, with a name if this one has one."""
    first = pieces.first
    row = first[group]
    alike = (flows.dst_port[first] == flows.dst_port[row]) & ((flows.name[first] >= 0) == (flows.name[row] >= 0))
    others = np.sort(lasted[alike & (flows.src[first] != flows.src[row])])
    return float(others[-2]) if len(others) > 1 else 0.0


def _high(seconds: npt.NDArray[np.float64]) -> float:
    return float(np.quantile(seconds, 0.99)) if len(seconds) else 0.0
