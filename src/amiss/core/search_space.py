"""What tuning may try for a parameter: declared beside the parameters, drawn in one place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ["Choice", "LogRange", "Searched", "draw"]

Value = int | float | str | bool | None


class Searched(Protocol):
    """Values that tuning tries."""

    def drawn(self, random: np.random.Generator) -> Value:
        """One of them."""
        ...

    def suggested(self, trial: Any, name: str) -> Value:
        """One of them, by what a trial of Optuna's makes of those before it."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """A few values, each as likely as another."""

    values: tuple[Value, ...]

    def drawn(self, random: np.random.Generator) -> Value:
        """One of them."""
        return self.values[int(random.integers(len(self.values)))]

    def suggested(self, trial: Any, name: str) -> Value:
        """One of them, by what a trial of Optuna's makes of those before it."""
        value: Value = trial.suggest_categorical(name, list(self.values))
        return value


@dataclass(frozen=True, slots=True)
class LogRange:
    """Numbers from `low` to `high`, each factor as likely as another; whole ones if both ends are."""

    low: float
    high: float

    def drawn(self, random: np.random.Generator) -> Value:
        """One of them, to two digits: more tell nothing apart."""
        value = float(f"{math.exp(random.uniform(math.log(self.low), math.log(self.high))):.2g}")
        value = min(max(value, self.low), self.high)
        return round(value) if self.whole else value

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def suggested(self, trial: Any, name: str) -> Value:
        """One of them, by what a trial of Optuna's makes of those before it."""
        suggest = trial.suggest_int if self.whole else trial.suggest_float
        value: Value = suggest(name, self.low, self.high, log=True)
        return value


def draw(space: Mapping[str, Searched], n: int, seed: int) -> list[dict[str, Any]]:
    """Up to `n` different settings of the parameters in `space`, the empty one, which is the default, first."""
    random = np.random.default_rng(seed)
    found: list[dict[str, Any]] = [{}]
    for _ in range(10 * n):
        if len(found) >= n or not space:
            break
        setting = {name: searched.drawn(random) for name, searched in space.items()}
        if setting not in found:
            found.append(setting)
    return found
