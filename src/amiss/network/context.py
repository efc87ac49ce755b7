"""Flows in their context: features that mean the same on another day, at another site, of another host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from amiss.core.frame import Frame
from amiss.core.summary import Vector
from amiss.network.addresses import address_of
from amiss.network.earlier import Groups, numbered
from amiss.network.flows import ICMP, ICMP6, PROTOCOLS, STATES, Flows
from amiss.network.traffic import Traffic

if TYPE_CHECKING:
    import polars as pl

__all__ = ["WARM_UP", "flow_features", "own_hosts"]

Bools = npt.NDArray[np.bool_]
WARM_UP = 64
"""First flows of traffic that is learnt from: too little goes before them for a context, so learn from the others."""
_WAYS = ("out", "in", "inside", "elsewhere")
_LATEST = 32
"""Flows of a host that are looked back at."""
_MINUTE = 60.0
_BUSY = 256
"""Flows a minute that a page with many parts, or a name server at a small site, may bring about."""
_LONG, _MUCH_SENT, _MUCH_RECEIVED = 3600.0, float(1 << 20), float(1 << 24)
"""Seconds, and bytes in each direction, that ordinary flows seldom exceed: people take more than they give."""
_USED, _MET = 31, 3
"""Earlier answers after which a service or a source, and a pair, is well known."""
_NO_SIZE = float(1 << 16)
"""Bytes below which no flow is the largest so far."""
_UNCOVERED, _LEADING = 0.05, 0.1


def own_hosts(flows: Flows) -> Bools:
    """Which hosts are of the site where the flows were seen: (n_hosts,).

    Hosts with private addresses; and where these take no part in more than 5 % of the flows, also the networks of one
    segment (/24, of IPv6 /64) that take part in most of the others: at the edge of a segment each flow touches it.
    """
    own: Bools = flows.hosts.local & ~flows.hosts.groups
    left = ~(own[flows.src] | own[flows.dst])
    if left.sum() <= _UNCOVERED * flows.n_flows:
        return own
    _, network = np.unique([_network_of(word) for word in flows.hosts.words], return_inverse=True)
    src, dst = network[flows.src], network[flows.dst]
    while left.sum() > _UNCOVERED * flows.n_flows:
        # Where two networks take part alike, the one that begins more of the flows is at home.
        part = np.bincount(src[left], minlength=network.max() + 1) * (1 + 1e-6)
        part += np.bincount(dst[left & (src != dst)], minlength=network.max() + 1)
        best = int(part.argmax())
        if part[best] < _LEADING * left.sum():
            break
        own |= (network == best) & ~flows.hosts.groups
        left &= (src != best) & (dst != best)
    return own


def _network_of(word: str) -> str:
    found = address_of(word)
    if found is None:
        return word
    return found.packed[: 3 if found.version == 4 else 8].hex()


def flow_features(traffic: Traffic, usual: Traffic | None = None) -> Frame:
    """What a detector that has learnt normal flows alone can compare: (n_flows,) rows, one for each flow.

    A flow by itself says little: an unanswered first packet is a scan if a stranger sends it to a port that nobody uses
    here, and a moment's loss if one of our hosts sends it to a server that always answers. So each flow is seen with
    what went before it, and with that alone. There are no addresses, no ports as numbers and no times; counts are
    logarithms that end where more says no more, and sizes begin where they are out of the ordinary, so that a busier
    day of the same hosts is not another world.

    | column | what it is | in |
    |---|---|---|
    | way | protocol, and whether from our hosts out, in from others, inside, or elsewhere | words |
    | service used before | earlier answered flows to this port, by this protocol and way, at most 31 | log2(1 + n) |
    | source answered before | earlier flows of the source that were answered, at most 31 | log2(1 + n) |
    | pair answered before | earlier answered flows between the two, at most 3 | log2(1 + n) |
    | source failures, target failures | flows without an answer against those with one, of the latest 33 | doublings |
    | mute targets, mute ports | hosts and ports without an answer among the source's latest 32 flows | log2(n) |
    | source rate, target rate | flows of the last minute beyond 256 | doublings |
    | long | duration beyond an hour | doublings |
    | much sent, much received | payload beyond 1 MiB out and 16 MiB in | doublings |
    | most sent, most received | payload beyond all earlier flows of the source | doublings |

    Failures against successes are the evidence of the sequential test for scans; services in use, pairs that have met
    and what a source has moved so far are what newcomers, movement within a site and exfiltration go against.

    Costs O(n_flows log n_flows) time, a second for some hundred thousand flows, and 200 bytes a flow.

    Parameters
    ----------
    traffic
        Flows in the order of their start.
    usual
        Traffic known to be good, taken as having gone before: then the first flows have a context too. Where none is
        given, leave the first `WARM_UP` rows out of what is learnt.

    Returns
    -------
    Frame
        The columns above; NaN where the source of the flows says too little.

    Examples
    --------
    >>> from amiss.network.context import flow_features
    >>> from amiss.network.flows import TCP, Flows
    >>> from amiss.network.traffic import Traffic
    >>> flows = Flows.of(["10.0.0.1"] * 3, ["8.8.8.8"] * 3, start=[0, 1, 2], dst_port=[443] * 3, protocol=[TCP] * 3,
    ...                  packets_in=[9, 9, 0])
    >>> frame = flow_features(Traffic(flows))
    >>> frame.words("way")
    ['tcp out', 'tcp out', 'tcp out']
    >>> frame.numbers("pair answered before")
    array([0.       , 1.       , 1.5849625])

    References
    ----------
    Jung, J., Paxson, V., Berger, A. W. and Balakrishnan, H. (2004). Fast portscan detection using sequential hypothesis
    testing. IEEE Symposium on Security and Privacy.
    Lee, W. and Stolfo, S. J. (2000). A framework for constructing features and models for intrusion detection systems.
    ACM Transactions on Information and System Security.
    """
    import polars as pl

    flows, skipped = traffic.flows, 0
    if usual is not None and usual.flows.n_flows:
        flows, skipped = _after(usual.flows, flows), usual.flows.n_flows
    answered = _answered(flows)
    way = _way(flows)
    by_source, by_target = Groups(flows.src), Groups(flows.dst)
    columns = {
        **_known(flows, way, answered, by_source),
        **_failures(flows, answered, by_source, by_target),
        **_volumes(flows, by_source, by_target),
    }
    rest = pl.DataFrame({name: values[skipped:] for name, values in columns.items()}, nan_to_null=True)
    return Frame(rest.insert_column(0, pl.Series("way", _ways(flows.protocol[skipped:], way[skipped:]))))


def _after(before: Flows, flows: Flows) -> Flows:
    """Both below one another, the first moved in time to end an hour before the others."""
    if flows.n_flows and not np.isnan(before.start).all() and not np.isnan(flows.start).all():
        gap = np.nanmin(flows.start) - 3600.0 - np.nanmax(before.start)
        before = replace(before, start=before.start + gap)
    return Flows.stacked([before, flows])


def _answered(flows: Flows) -> Vector:
    """1 where a flow was answered, 0 where it was not or was refused, 0.5 where the flows' source does not say."""
    found = np.where(np.isnan(flows.packets_in), 0.5, flows.packets_in > 0)
    return np.where(flows.state == STATES.index("REJ"), 0.0, found)


def _way(flows: Flows) -> npt.NDArray[np.int64]:
    own = own_hosts(flows)
    src, dst = own[flows.src], own[flows.dst] | flows.hosts.groups[flows.dst]
    return np.where(src, np.where(dst, 2, 0), np.where(dst, 1, 3))


def _ways(protocol: npt.NDArray[np.int32], way: npt.NDArray[np.int64]) -> pl.Series:
    """Protocol and way in words, each pair of them written once."""
    import polars as pl

    protocols, code = np.unique(protocol, return_inverse=True)
    words = [f"{PROTOCOLS.get(int(one), 'other')} {name}" for one in protocols for name in _WAYS]
    return pl.Series(words, dtype=pl.String).gather(code * len(_WAYS) + way)


def _grade(count: Vector, most: int) -> Vector:
    return np.log2(1.0 + np.minimum(count, most))


def _known(
    flows: Flows, way: npt.NDArray[np.int64], answered: Vector, by_source: Groups
) -> dict[str, npt.NDArray[np.float64]]:
    # Of ICMP the type is what is asked for, which stands where others have the port of the source.
    icmp = (flows.protocol == ICMP) | (flows.protocol == ICMP6)
    service = Groups(numbered(np.where(icmp, flows.src_port, flows.dst_port), flows.protocol, way))
    pair = Groups(numbered(np.minimum(flows.src, flows.dst), np.maximum(flows.src, flows.dst)))
    return {
        "service used before": _grade(service.before(answered), _USED),
        "source answered before": _grade(by_source.before(answered), _USED),
        "pair answered before": _grade(pair.before(answered), _MET),
    }


def _failures(flows: Flows, answered: Vector, by_source: Groups, by_target: Groups) -> dict[str, Vector]:
    mute = 1.0 - answered
    found = {}
    for name, group in (("source", by_source), ("target", by_target)):
        bad = mute + group.before(mute, most=_LATEST)
        good = answered + group.before(answered, most=_LATEST)
        found[f"{name} failures"] = np.maximum(np.log2((1.0 + bad) / (1.0 + good)), 0.0)
    alone = mute == 1.0
    # All flows that were answered are one value, which does not count.
    others = (~alone).astype(np.float64) + by_source.before(~alone, most=_LATEST - 1) > 0
    for name, value in (("mute targets", flows.dst), ("mute ports", flows.dst_port)):
        n_values = by_source.distinct(np.where(alone, value, -1), _LATEST) - others
        found[name] = np.where(alone, np.log2(np.maximum(n_values, 1.0)), 0.0)
    return found


def _volumes(flows: Flows, by_source: Groups, by_target: Groups) -> dict[str, Vector]:
    time = np.maximum.accumulate(np.nan_to_num(flows.start))
    return {
        "source rate": _beyond(by_source.lately(time, _MINUTE), _BUSY),
        "target rate": _beyond(by_target.lately(time, _MINUTE), _BUSY),
        "long": _beyond(flows.duration, _LONG),
        "much sent": _beyond(flows.payload_out, _MUCH_SENT),
        "much received": _beyond(flows.payload_in, _MUCH_RECEIVED),
        "most sent": _record(by_source, flows.payload_out),
        "most received": _record(by_source, flows.payload_in),
    }


def _beyond(values: Vector, ordinary: float) -> Vector:
    """How many doublings above what is ordinary."""
    return np.log2(np.maximum(values, ordinary) / ordinary)


def _record(group: Groups, values: Vector) -> Vector:
    """How many doublings above all earlier ones of the group; 0 for the first."""
    size = np.log2(np.nan_to_num(values) + _NO_SIZE)
    found = np.maximum(size - group.most_before(size), 0.0)
    return np.where(np.isnan(values), np.nan, np.nan_to_num(found))
