"""The one loop that trains every network: Adam, seeded, ended by what is held out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.core.extras import require
from amiss.core.source import Progress, silent
from amiss.core.summary import Vector
from amiss.deep._nets import Weights

__all__ = ["Draw", "Loss", "Plan", "Trained", "trained"]

Loss = Callable[[Any, Mapping[str, Any], Any, Any], Any]
"""Of the library, the weights, a batch and what was drawn beside it: the loss of each row, (n_batch,)."""
Draw = Callable[[np.random.Generator, int], npt.NDArray[Any]]
"""Random numbers for so many rows: noise, masks."""
Rows = npt.NDArray[Any]

_LOOK = 50
"""Steps between two looks at what is held out, and how many of these may bring no gain."""
_PATIENCE = 8
_LEAST_GAIN = 1e-3
_MOST_HELD = 1000
_STEEPEST = 5.0
"""Length at which a slope is cut: a recurrent network can answer one batch with an immense one."""
_BETAS = (0.9, 0.999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train.

    Attributes
    ----------
    n_steps, batch_size, learning_rate
        Most steps, rows of a step, size of the first steps, which falls to 0 with the last.
    trim
        Share of the rows, those with the highest loss, left out of every step: dirt is not learnt.
    seed
        Of all that is random but the first weights.
    device
        "cpu", "cuda", or "auto" for CUDA where there is one.
    n_threads
        Of the processor.
    progress
        Told how far training is.
    """

    n_steps: int
    batch_size: int
    learning_rate: float
    trim: float = 0.0
    seed: int = 0
    device: str = "auto"
    n_threads: int = 1
    progress: Progress = silent


@dataclass(frozen=True, slots=True)
class Trained:
    """Weights, and the loss of the rows held out at each look, (n_looks,), the first before any step."""

    weights: Weights
    losses: Vector


def trained(start: Weights, loss: Loss, rows: Rows, held: Rows, plan: Plan, draw: Draw | None = None) -> Trained:
    """Train from the weights `start` on `rows`; the best weights for the rows `held` are kept.

    `rows` may be a view of what is far larger than memory would hold: only batches are copied. Equal seeds give equal
    weights on a processor with as many threads.

    Raises
    ------
    MissingExtraError
        torch is not installed.
    ParameterError
        CUDA was asked for by name, and there is none.
    """
    torch = require("torch", extra="deep", what="training a neural network")
    device = _device(torch, plan.device)
    with _threads(torch, plan.n_threads), warnings.catch_warnings():
        # CUDA's recurrent networks would have their weights side by side in an order of their own.
        warnings.filterwarnings("ignore", message=".*contiguous chunk")
        return _Loop(torch, device, start, loss, plan, draw).run(rows, held[:_MOST_HELD])


def _device(torch: Any, asked: str) -> str:
    there = bool(torch.cuda.is_available())
    if asked == "cuda" and not there:
        raise ParameterError("there is no CUDA device", mend='give device="auto" or "cpu"')
    return "cuda" if there and asked != "cpu" else "cpu"


@contextmanager
def _threads(torch: Any, n_threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Loop:
    """Weights lie in one flat vector, so that a step of Adam is a handful of operations whatever the network."""

    def __init__(self, torch: Any, device: str, start: Weights, loss: Loss, plan: Plan, draw: Draw | None) -> None:
        self.torch, self.device, self.loss, self.plan, self.draw = torch, device, loss, plan, draw
        self.shapes = {name: array.shape for name, array in start.items()}
        self.flat = self._tensor(np.concatenate([array.ravel() for array in start.values()]))
        cuts = np.cumsum([0, *(array.size for array in start.values())]).tolist()
        self.views = {
            name: self.flat[a:b].view(shape).requires_grad_()
            for (name, shape), a, b in zip(self.shapes.items(), cuts[:-1], cuts[1:], strict=True)
        }
        self.mean, self.square = torch.zeros_like(self.flat), torch.zeros_like(self.flat)

    def run(self, rows: Rows, held: Rows) -> Trained:
        plan, random = self.plan, np.random.default_rng(self.plan.seed)
        aside, drawn = self._tensor(held), self._drawn(random, len(held))
        losses = [self._held_loss(aside, drawn)]
        best, least, waited = self.flat.clone(), losses[0], 0
        for step in range(1, plan.n_steps + 1):
            chosen = random.integers(len(rows), size=plan.batch_size)
            self._step(step, self._tensor(rows[chosen]), self._drawn(random, plan.batch_size))
            if step % _LOOK and step < plan.n_steps:
                continue
            plan.progress("training", step / plan.n_steps)
            losses.append(self._held_loss(aside, drawn))
            if least - losses[-1] > _LEAST_GAIN * abs(least):
                best, least, waited = self.flat.clone(), losses[-1], 0
                continue
            waited += 1
            if waited == _PATIENCE:
                break
        plan.progress("training", 1.0)
        return Trained(self._arrays(best), np.array(losses))

    def _tensor(self, array: Rows) -> Any:
        return self.torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)

    def _drawn(self, random: np.random.Generator, n: int) -> Any:
        return None if self.draw is None else self._tensor(self.draw(random, n))

    def _trimmed(self, batch: Any, drawn: Any) -> Any:
        each = self.loss(self.torch, self.views, batch, drawn)
        if not self.plan.trim:
            return each.mean()
        kept = each <= self.torch.quantile(each.detach(), 1.0 - self.plan.trim)
        return (each * kept).sum() / kept.sum()

    def _held_loss(self, held: Any, drawn: Any) -> float:
        with self.torch.no_grad():
            return float(self._trimmed(held, drawn))

    def _step(self, step: int, batch: Any, drawn: Any) -> None:
        torch, (slow, slower) = self.torch, _BETAS
        slopes = torch.autograd.grad(self._trimmed(batch, drawn), list(self.views.values()))
        slope = torch.cat([part.reshape(-1) for part in slopes]).nan_to_num(0.0, 0.0, 0.0)
        rate = self.plan.learning_rate * (1 - (step - 1) / self.plan.n_steps)
        rate *= np.sqrt(1 - slower**step) / (1 - slow**step)
        with torch.no_grad():
            slope *= _STEEPEST / slope.norm().clamp(min=_STEEPEST)
            self.mean.lerp_(slope, 1 - slow)
            self.square.lerp_(slope * slope, 1 - slower)
            self.flat -= rate * self.mean / (self.square.sqrt() + 1e-8)

    def _arrays(self, flat: Any) -> Weights:
        whole = flat.cpu().numpy().astype(np.float64)
        cuts = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])[:-1]
        parts = np.split(whole, cuts)
        return {name: part.reshape(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)}
