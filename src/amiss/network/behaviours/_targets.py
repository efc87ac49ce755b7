"""What hosts reach out to: servers by name where there is one, by address otherwise, and how many hosts know them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.network.behaviours._groups import distinct
from amiss.network.flows import Flows
from amiss.network.outcomes import attempts, failed
from amiss.network.traffic import Traffic

__all__ = ["Targets"]

_FEW, _SHARE = 3, 0.05


@dataclass(frozen=True, slots=True)
class Targets:
    """Servers that flows go to.

    Attributes
    ----------
    words
        Name asked for, or address, of each target.
    code : (n_flows,)
        Position of each flow's target in `words`.
    n_hosts : (n_targets,)
        How many hosts reached it.
    known : (n_targets,)
        Whether traffic known to be good has it.
    speakers : (n_hosts,)
        Whether each host reached anything at all.
    """

    words: tuple[str, ...]
    code: npt.NDArray[np.int64]
    n_hosts: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]
    speakers: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, flows: Flows, usual: Traffic | None = None) -> Targets:
        """Targets of all flows."""
        words, code = _coded(flows)
        reached = np.flatnonzero(attempts(flows) & ~failed(flows))
        n_hosts = distinct(code[reached], flows.src[reached], len(words))
        before: set[str] = set()
        if usual is not None:
            usual_words, usual_code = _coded(usual.flows)
            before = {usual_words[one] for one in np.unique(usual_code)}
        known = np.array([word in before for word in words], np.bool_)
        speakers = np.zeros(len(flows.hosts), np.bool_)
        speakers[flows.src[reached]] = True
        return cls(words, code, n_hosts, known, speakers)

    def shared(self, own: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Whether so many of the own hosts reach a target that it is a service of all: (n_targets,)."""
        return np.asarray(self.n_hosts >= max(_FEW, _SHARE * np.count_nonzero(own & self.speakers)), np.bool_)

    def word(self, target: int) -> str:
        """A target's name."""
        return self.words[target]


def _coded(flows: Flows) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    known: dict[str, int] = {}
    of_name = np.array([known.setdefault(name, len(known)) for name in flows.names], np.int64)
    of_host = np.array([known.setdefault(word, len(known)) for word in flows.hosts.words], np.int64)
    code = of_host[flows.dst] if flows.n_flows else np.zeros(0, np.int64)
    if len(of_name):
        # The name in a flow of DNS is that of somebody else.
        named = (flows.name >= 0) & (flows.dst_port != 53)
        code = np.where(named, of_name[np.maximum(flows.name, 0)], code)
    return tuple(known), code
