"""What every neural detector shares: its weights in its state, its plan of training, and who is told how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from amiss.core.estimator import Estimator
from amiss.core.params import Between, Domain, OneOf, Optional, Whole
from amiss.core.random import small_seed
from amiss.core.source import Progress, silent
from amiss.core.summary import Matrix, Vector
from amiss.deep._nets import Weights
from amiss.deep._training import Plan
from amiss.kernels.blocks import n_threads

__all__ = ["CLIP", "TRAINING", "Network", "usual_misses"]

CLIP = 4.0
"""Deviations beyond which a network sees no difference: gross values neither pull it nor leak into other columns."""
_LEAST_SPREAD = 0.3
"""Least usual miss of a column, as a share of the root mean square of its misses."""
_TINY = 1e-6
_NET = "net_."

TRAINING: Mapping[str, Domain] = {
    "n_steps": Whole(1),
    "batch_size": Whole(1),
    "learning_rate": Between(0, open_low=True),
    "sample_size": Optional(Whole(2)),
    "device": OneOf(("auto", "cpu", "cuda")),
    "random_state": Whole(0),
}
"""Domains of the parameters that all of them have."""


class Network(Estimator):
    """A detector whose knowledge is the weights of a network.

    Attributes
    ----------
    net_ : dict of arrays
        Weights by name.
    losses_ : (n_looks,)
        Loss of what was held out from training, at each look; the first before any step.
    progress
        Called with "training" and the share of the steps done; set it to watch.
    """

    progress: Progress = staticmethod(silent)
    net_: Weights
    losses_: Vector
    n_steps: int
    batch_size: int
    learning_rate: float
    device: str
    random_state: int

    def _plan(self) -> Plan:
        return Plan(
            n_steps=self.n_steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            trim=getattr(self, "trim", 0.0),
            seed=small_seed(self.random_state),
            device=self.device,
            n_threads=n_threads(getattr(self, "n_jobs", None)),
            progress=self.progress,
        )

    def state(self) -> dict[str, Any]:
        """What has been learnt, the weights as `net_.NAME`."""
        state = super().state()
        return state | {f"{_NET}{name}": array for name, array in state.pop("net_").items()}

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`."""
        super().restore({name: value for name, value in state.items() if not name.startswith(_NET)})
        self.net_ = {name.removeprefix(_NET): value for name, value in state.items() if name.startswith(_NET)}
        return self


def usual_misses(missed: Matrix) -> Vector:
    """Usual size of what is missed in each feature, never 0: a robust one, and a part of that of all."""
    usual = np.quantile(np.abs(missed), 0.9, axis=0) / 1.645
    floor: Vector = np.maximum(_LEAST_SPREAD * np.sqrt((missed**2).mean(axis=0)), _TINY)
    return np.maximum(usual, floor)
