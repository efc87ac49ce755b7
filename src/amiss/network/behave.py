"""What the hosts of some traffic do: all behaviours, and each flow told once."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.network import behaviours
from amiss.network.exclusions import Exclusion, kept
from amiss.network.finding import Behaviour, Finding
from amiss.network.traffic import Traffic

__all__ = ["all_behaviours", "find_behaviours"]

_RANK = (
    "web_attack", "brute_force", "dns_tunnel", "vertical_scan", "sweep", "lateral_movement", "horizontal_scan",
    "exfiltration", "flood", "odd_protocol", "generated_names", "beaconing", "command_and_control", "long_connection",
    "newcomer",
)  # fmt: skip
"""Which kind tells flows that several explain: the one that says most of them."""
_TOLD_ALREADY = 0.5


@cache
def all_behaviours() -> tuple[type[Behaviour], ...]:
    """The behaviours, found by their files: `port_scan.py` holds `PortScan`."""
    found = []
    for info in pkgutil.iter_modules(behaviours.__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"{behaviours.__name__}.{info.name}")
            found.append(getattr(module, info.name.title().replace("_", "")))
    return tuple(found)


def find_behaviours(
    traffic: Traffic, usual: Traffic | None = None, exclusions: Sequence[Exclusion] = ()
) -> list[Finding]:
    """What hosts do that deserves a look, the gravest first.

    Parameters
    ----------
    traffic
        Flows in the order of their start, with what was read of names and requests.
    usual
        Traffic known to be good: what a host does there in the same way, it may do.
    exclusions
        What is not to be told; `amiss.network.exclusions.kept` says how much each hides.
    """
    whole, (traffic, rows) = traffic, _sound(traffic)
    usual = None if usual is None else _sound(usual)[0]
    if not traffic.flows.n_flows:
        return []
    found = [one for behaviour in all_behaviours() for one in behaviour().find(traffic, usual)]
    if usual is not None and usual.flows.n_flows:
        before = [one for behaviour in all_behaviours() for one in behaviour().find(usual, None)]
        found = [one for one in found if not any(_same(one, other) for other in before)]
    told = [replace(one, flows=rows[one.flows]) for one in _told_once(found, traffic.flows.n_flows)]
    told, _ = kept(told, whole, exclusions)
    return sorted(told, key=lambda one: (-one.severity, one.start, one.host))


def _sound(traffic: Traffic) -> tuple[Traffic, npt.NDArray[np.int64]]:
    """The flows of which the time is known, without figures that cannot be, and their positions."""
    flows = traffic.flows
    known = np.isfinite(flows.start)
    rows = np.flatnonzero(known)
    flows = flows if known.all() else flows.take(rows)
    sums = ("duration", "packets_out", "packets_in", "bytes_out", "bytes_in", "payload_out", "payload_in")
    columns = {name: getattr(flows, name) for name in sums}
    wrong = {name: ~np.isnan(one) & ~((one >= 0) & np.isfinite(one)) for name, one in columns.items()}
    mended: dict[str, Any] = {
        name: np.where(wrong[name], np.nan, one) for name, one in columns.items() if wrong[name].any()
    }
    if mended:
        flows = replace(flows, **mended)
    return (traffic if flows is traffic.flows else replace(traffic, flows=flows)), rows


def _same(one: Finding, other: Finding) -> bool:
    """Whether a host does what it did before: the same kind, with a peer in common, and no more than twice as much."""
    return (
        (one.kind, one.host) == (other.kind, other.host)
        and not set(one.peers).isdisjoint(other.peers)
        and len(one.flows) <= 2 * len(other.flows)
    )


def _told_once(found: Iterable[Finding], n_flows: int) -> list[Finding]:
    """Findings without those of which at least half the flows are told by others that say more of them."""
    told: npt.NDArray[np.bool_] = np.zeros(n_flows, np.bool_)
    kept = []
    for one in sorted(found, key=lambda one: (_RANK.index(one.kind), -one.severity, -len(one.flows))):
        if told[one.flows].mean() < _TOLD_ALREADY:
            kept.append(one)
            told[one.flows] = True
    return kept
