"""What a behaviour finds: a host that does something, since when, and on what evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from amiss.core.finding import Measure
from amiss.network.traffic import Traffic

__all__ = ["Behaviour", "Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One host's behaviour of one kind over one stretch of time.

    Attributes
    ----------
    kind
        The behaviour's name.
    host
        Who does it: the scanner, the beaconing host, the one whose data leave.
    start, end
        First and last moment, seconds since 1970 UTC.
    severity
        How grave and how sure, in [0, 1], comparable between kinds: it orders the events.
    reason
        One sentence, with host, counts and typical values.
    technique
        Number of the technique in MITRE ATT&CK; None where none fits.
    measures
        The figures it rests on, the most telling first.
    flows : (n_flows,)
        Positions of all flows that belong to it, in ascending order.
    peers
        The hosts at the other end, those with most flows first: all of them.
    """

    kind: str
    host: str
    start: float
    end: float
    severity: float
    reason: str
    technique: str | None
    measures: tuple[Measure, ...]
    flows: npt.NDArray[np.int64]
    peers: tuple[str, ...]


class Behaviour(Protocol):
    """Finds hosts that behave in one way; one file each in `amiss.network.behaviours`."""

    kind: ClassVar[str]

    def find(self, traffic: Traffic, usual: Traffic | None) -> list[Finding]:
        """What hosts of the traffic do; `usual` is traffic known to be good, None where there is none."""
        ...
