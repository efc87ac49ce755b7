"""First contacts: what a host reached out to, each target once, and whether it got through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.network.behaviours._groups import Groups, climbs
from amiss.network.flows import Flows

__all__ = ["Contacts", "Run", "runs"]

_USUAL_SHARE, _PRIOR = 0.1, 5.0
_SCANNER_SHARE = 0.8
"""Share of the contacts of a scanner that go amiss, as in Jung et al. (2004)."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Targets that hosts reached out to, each once.

    Attributes
    ----------
    flows
        The flows of each, as groups of their positions.
    time : (n_contacts,)
        Of the first attempt.
    amiss : (n_contacts,)
        Whether all attempts went amiss.
    """

    flows: Groups
    time: Vector
    amiss: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls, flows: Flows, keys: list[npt.NDArray[np.int32]], rows: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_]
    ) -> Contacts:
        """Contacts with targets that are told apart by `keys`; `bad`, of each flow, is whether it went amiss."""
        groups = Groups.of(keys, flows.start, rows)
        return cls(groups, flows.start[groups.first], groups.total(bad) == groups.sizes)


@dataclass(frozen=True, slots=True)
class Run:
    """An unbroken run of contacts in which far more go amiss than usual.

    Attributes
    ----------
    contacts
        Their positions, in the order of time.
    evidence
        Logarithm of how much likelier they are of a scanner than of another host.
    """

    contacts: npt.NDArray[np.int64]
    evidence: float


def usual_share(
    source: npt.NDArray[np.int32], kind: npt.NDArray[np.int64], amiss: npt.NDArray[np.bool_]
) -> tuple[Vector, npt.NDArray[np.int64]]:
    """Share of contacts that go amiss for the middle one of those sources that made any of a kind, and its kinds.

    The middle one does not move when few scan; a prior stands in for sources that are not there.
    """
    groups = Groups.of([kind, source], np.zeros(len(source)), np.arange(len(source)))
    if not len(groups):
        return np.zeros(0), np.zeros(0, np.int64)
    # With one bad contact of ten added to each, a source of few contacts says little.
    share = (groups.total(amiss) + _USUAL_SHARE * _PRIOR) / (groups.sizes + _PRIOR)
    own = kind[groups.first]
    order = np.lexsort((share, own))
    kinds, start, n = np.unique(own[order], return_index=True, return_counts=True)
    middle = share[order][start + (n - 1) // 2]
    # A kind that few sources use says little of what is usual.
    weight = n / (n + _PRIOR)
    return np.clip(weight * middle + (1 - weight) * _USUAL_SHARE, 0.05, 0.6), kinds


def runs(
    contacts: Contacts, keys: list[npt.NDArray[np.int32]], source: npt.NDArray[np.int32], kind: npt.NDArray[np.int64],
    *, least: float, gap: float,
) -> list[Run]:  # fmt: skip
    """Runs of contacts, by keys of contacts, whose evidence for a scanner is at least `least`.

    Wald's sequential test between the share of contacts that goes amiss with a scanner and the one that is usual, begun
    anew whenever the evidence falls to nothing. By Wald's inequality a host that is none gets so far with a probability
    of at most exp(−least) from any one beginning.
    """
    if not len(contacts.time):
        return []
    share, kinds = usual_share(source, kind, contacts.amiss)
    usual = share[np.searchsorted(kinds, kind)]
    step = np.where(contacts.amiss, np.log(_SCANNER_SHARE / usual), np.log((1 - _SCANNER_SHARE) / (1 - usual)))
    groups = Groups.of(keys, contacts.time, np.arange(len(contacts.time)), gap=gap)
    best, rise = climbs(groups, step[groups.order])
    found = []
    for group in np.flatnonzero(best >= least):
        low, high = groups.bounds[group], groups.bounds[group + 1]
        inside = rise[low:high]
        end = int(np.argmax(inside))
        fresh = np.flatnonzero(inside[: end + 1] <= step[groups.order[low : low + end + 1]] + 1e-9)
        begin = int(fresh[-1]) if len(fresh) else 0
        found.append(Run(groups.order[low + begin : low + end + 1], float(best[group])))
    return found
