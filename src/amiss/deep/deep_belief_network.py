"""Error of a deep network that learnt layer by layer what rows are made of, and then to restore them."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from amiss.core.detector import Capabilities, Matrix, Vector
from amiss.core.params import Between, Optional, Whole
from amiss.deep._nets import Given, Weights, dense, sigmoid
from amiss.deep._network import CLIP, TRAINING, usual_misses
from amiss.deep._rows import RowNetwork, halves, sizes, terms
from amiss.deep._training import trained

__all__ = ["DeepBeliefNetwork"]

_LAYERS = 3
_HUGE = 1e100
_BINARY_RATE, _LINEAR_RATE = 0.05, 0.005
"""Steps of pre-training where all units are on or off, and where some are numbers."""
_MOMENTUM, _DECAY = 0.9, 2e-4
_FIRST_WIDTH = 0.1


class DeepBeliefNetwork(RowNetwork):
    """How badly a deep network restores a row, which learnt layer by layer what rows are made of.

    Restricted Boltzmann machines are stacked: the first learns the rows, each next one what the one below makes of
    them, by contrastive divergence. The stack is then unrolled into an autoencoder of six layers and fine-tuned. Good
    where many columns hang together in ways that build on one another; with few columns `Autoencoder` is as good.

    Rows in units of their own spread are trained on, those restored worst are left out of every step of the
    fine-tuning, and that ends when a held-out tenth no longer gains. Fitting costs O((n_pretraining_steps + n_steps) ×
    batch_size × n_features × n_hidden) time, some 1 ms a step, scoring O(n_rows × n_features × n_hidden); memory a few
    times the rows kept. The extra `deep` is needed to fit, not to score.

    Parameters
    ----------
    n_hidden
        Units of the first hidden layer, at least 1, the second has half; None for twice the features, from 8 to 64.
    n_code
        Numbers that a row is squeezed through, at least 1; None for the root of the number of features.
    n_pretraining_steps
        Steps of contrastive divergence for each layer, from 0: then nothing is pre-trained.
    trim
        Share of the rows left out of every step of the fine-tuning, in [0, 1).
    n_steps
        Most steps of the fine-tuning, at least 1.
    batch_size
        Rows of a step, at least 1.
    learning_rate
        Size of the first steps of the fine-tuning, above 0; it falls to 0 with the last.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    device
        "cpu", "cuda", or "auto" for CUDA where there is one; only the fine-tuning is done there.
    random_state
        Seed, from 0.

    Attributes
    ----------
    location_, scale_ : (n_features,)
        Median and robust deviation of each feature, in the feature's unit.
    middle_, spread_ : (n_features,)
        Mean and standard deviation of these deviations on a logarithmic scale either way of 0, where the network sees
        them.
    still_ : (n_features,)
        Features that did not vary: nothing can be learnt of them, and the square of a change counts by itself.
    net_ : dict of arrays
        Weights of the three layers there and the three back.
    residual_ : (n_features,)
        Usual size of what is missed in each feature, as the network sees them.
    losses_ : (n_looks,)
        Loss of the rows held out at each look of the fine-tuning, the first after pre-training.

    Raises
    ------
    MissingExtraError
        torch is not installed, and there is something to fit.

    Examples
    --------
    >>> from amiss.deep import DeepBeliefNetwork
    >>> DeepBeliefNetwork(n_hidden=32)
    DeepBeliefNetwork(n_hidden=32)

    References
    ----------
    Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data with neural networks. Science.
    Hinton, G. E. (2002). Training products of experts by minimizing contrastive divergence. Neural Computation.
    """

    capabilities: ClassVar = Capabilities(reasons=True, additive=True)
    domains: ClassVar = {
        **TRAINING,
        "n_hidden": Optional(Whole(1)),
        "n_code": Optional(Whole(1)),
        "n_pretraining_steps": Whole(0),
        "trim": Between(0, 1, open_high=True),
    }

    def __init__(
        self,
        n_hidden: int | None = None,
        n_code: int | None = None,
        n_pretraining_steps: int = 500,
        trim: float = 0.1,
        n_steps: int = 2000,
        batch_size: int = 128,
        learning_rate: float = 5e-3,
        sample_size: int | None = 10_000,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.n_hidden = n_hidden
        self.n_code = n_code
        self.n_pretraining_steps = n_pretraining_steps
        self.trim = trim
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.sample_size = sample_size
        self.device = device
        self.random_state = random_state

    def _train(self, Z: Matrix, random: np.random.Generator) -> None:
        hidden, code = sizes(Z.shape[1], self.n_hidden, self.n_code)
        rows, held = halves(Z)
        stack = self._stacked(rows, [Z.shape[1], hidden, max(hidden // 2, code), code], random)
        done = trained(unrolled(stack), _missed, rows, held, self._plan())
        self.net_, self.losses_ = done.weights, done.losses
        self.residual_ = usual_misses(Z - restored(np, self.net_, Z))

    def _stacked(self, Z: Matrix, widths: list[int], random: np.random.Generator) -> list[Weights]:
        """Machines, each pre-trained on what the one below makes of the rows."""
        stack: list[Weights] = []
        for level, (n_visible, n_hidden) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            kinds = {"visible": level == 0, "hidden": level == _LAYERS - 1}
            machine = _fresh(random, n_visible, n_hidden)
            pretrain(machine, Z, kinds, self.n_pretraining_steps, self.batch_size, random)
            stack.append(machine)
            Z = up(machine, Z, linear=kinds["hidden"])
        return stack

    def _score(self, X: Matrix) -> Vector:
        total: Vector = self._contributions(X).sum(axis=1)
        return total

    def _contributions(self, X: Matrix) -> Matrix:
        Z, changed = self._standard(X, _HUGE)
        told = terms(Z - restored(np, self.net_, np.clip(Z, -CLIP, CLIP)), self.residual_)
        return np.where(self.still_, changed**2, told)


def _fresh(random: np.random.Generator, n_visible: int, n_hidden: int) -> Weights:
    weight = random.normal(0.0, _FIRST_WIDTH, size=(n_hidden, n_visible))
    return {"weight": weight, "hidden": np.zeros(n_hidden), "visible": np.zeros(n_visible)}


def up(machine: Weights, visible: Matrix, *, linear: bool) -> Matrix:
    """What hidden units are expected to be: numbers where they are `linear`, else chances of being on."""
    said: Matrix = visible @ machine["weight"].T + machine["hidden"]
    return said if linear else sigmoid(np, said)


def down(machine: Weights, hidden: Matrix, *, linear: bool) -> Matrix:
    """What visible units are expected to be."""
    said: Matrix = hidden @ machine["weight"] + machine["visible"]
    return said if linear else sigmoid(np, said)


def contrast(
    machine: Weights, visible: Matrix, kinds: dict[str, bool], random: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """Direction of one step of contrastive divergence: what the rows say less what the machine makes of them.

    `kinds` says of "visible" and "hidden" units whether they are linear with unit noise; else they are on or off.
    """
    hidden = up(machine, visible, linear=kinds["hidden"])
    if kinds["hidden"]:
        state = hidden + random.normal(size=hidden.shape)
    else:
        state = (random.random(hidden.shape) < hidden).astype(np.float64)
    back = down(machine, state, linear=kinds["visible"])
    again = up(machine, back, linear=kinds["hidden"])
    return {
        "weight": (hidden.T @ visible - again.T @ back) / len(visible),
        "hidden": (hidden - again).mean(axis=0),
        "visible": (visible - back).mean(axis=0),
    }


def pretrain(
    machine: Weights, rows: Matrix, kinds: dict[str, bool], n_steps: int, batch_size: int, random: np.random.Generator
) -> None:
    """Steps of contrastive divergence with momentum; the machine is changed."""
    rate = _LINEAR_RATE if any(kinds.values()) else _BINARY_RATE
    speed = {name: np.zeros_like(array) for name, array in machine.items()}
    for _ in range(n_steps):
        way = contrast(machine, rows[random.integers(len(rows), size=batch_size)], kinds, random)
        way["weight"] -= _DECAY * machine["weight"]
        for name in machine:
            speed[name] = _MOMENTUM * speed[name] + rate * way[name]
            machine[name] += speed[name]


def unrolled(stack: list[Weights]) -> Weights:
    """The stack as an autoencoder: the machines upwards, then the same downwards with weights of their own."""
    net: Weights = {}
    for level, machine in enumerate(stack):
        net |= {f"up.{level}.weight": machine["weight"], f"up.{level}.bias": machine["hidden"]}
        net |= {f"down.{level}.weight": machine["weight"].T.copy(), f"down.{level}.bias": machine["visible"]}
    return net


def restored(xp: Any, net: Given, Z: Any) -> Any:
    """Rows as the network restores them; the code and what comes out are numbers, all between is within (0, 1)."""
    for level in range(_LAYERS):
        Z = dense(xp, net, f"up.{level}", Z)
        Z = sigmoid(xp, Z) if level < _LAYERS - 1 else Z
    for level in reversed(range(_LAYERS)):
        Z = dense(xp, net, f"down.{level}", Z)
        Z = sigmoid(xp, Z) if level > 0 else Z
    return Z


def _missed(xp: Any, net: Given, Z: Any, draw: Any) -> Any:
    return ((restored(xp, net, Z) - Z) ** 2).sum(-1)
