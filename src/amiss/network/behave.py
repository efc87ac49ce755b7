"""What the hosts of some traffic do: all behaviours, and each flow told once."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from amiss.network import behaviours
from amiss.network.exclusions import Exclusion, kept
from amiss.network.finding import Behaviour, Finding
from amiss.network.traffic import Traffic

__all__ = ["all_behaviours", "find_behaviours"]

_RANK = (
    "web_attack", "brute_force", "dns_tunnel", "vertical_scan", "sweep", "horizontal_scan", "flood", "odd_protocol",
    "lateral_movement", "generated_names", "beaconing", "command_and_control", "exfiltration", "long_connection",
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
    if not traffic.flows.n_flows:
        return []
    found = [one for behaviour in all_behaviours() for one in behaviour().find(traffic, usual)]
    if usual is not None and usual.flows.n_flows:
        before = [one for behaviour in all_behaviours() for one in behaviour().find(usual, None)]
        found = [one for one in found if not any(_same(one, other) for other in before)]
    told, _ = kept(_told_once(found, traffic.flows.n_flows), traffic, exclusions)
    return sorted(told, key=lambda one: (-one.severity, one.start, one.host))


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
