"""Domains of parameters: declared beside the parameters, checked in one place."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from amiss.core.errors import ParameterError

__all__ = ["Between", "Domain", "Flag", "OneOf", "Optional", "Text", "Whole", "check"]


class Domain(Protocol):
    """The values that a parameter may take."""

    def admits(self, value: Any) -> bool:
        """Whether `value` is inside."""
        ...


@dataclass(frozen=True, slots=True)
class Between:
    """Real numbers from `low` to `high`; the ends belong to it unless `open_low` or `open_high`."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def admits(self, value: Any) -> bool:
        """Whether `value` is a finite real number inside."""
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
            return False
        value = float(value)
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return bool(above and below)

    def __str__(self) -> str:
        left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
        return f"a number in {left}{self.low:g}, {self.high:g}{right}"


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers from `low` to `high`, both inside."""

    low: int
    high: int | None = None

    def admits(self, value: Any) -> bool:
        """Whether `value` is a whole number inside."""
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            return False
        return self.low <= int(value) and (self.high is None or int(value) <= self.high)

    def __str__(self) -> str:
        return f"a whole number from {self.low}" + ("" if self.high is None else f" to {self.high}")


@dataclass(frozen=True, slots=True)
class Flag:
    """True or False."""

    def admits(self, value: Any) -> bool:
        """Whether `value` is one of the two."""
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "True or False"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words."""

    words: tuple[str, ...]

    def admits(self, value: Any) -> bool:
        """Whether `value` is one of the words."""
        return isinstance(value, str) and value in self.words

    def __str__(self) -> str:
        return "one of " + ", ".join(self.words)


@dataclass(frozen=True, slots=True)
class Text:
    """Any words, but none."""

    def admits(self, value: Any) -> bool:
        """Whether `value` is text that is not empty."""
        return isinstance(value, str) and bool(value)

    def __str__(self) -> str:
        return "text"


@dataclass(frozen=True, slots=True)
class Optional:
    """A domain to which None belongs too."""

    inner: Domain

    def admits(self, value: Any) -> bool:
        """Whether `value` is None or inside."""
        return value is None or self.inner.admits(value)

    def __str__(self) -> str:
        return f"None or {self.inner}"


def check(owner: str, domains: Mapping[str, Domain], values: Mapping[str, Any]) -> None:
    """Raise `ParameterError` for the first value outside its domain."""
    for name, domain in domains.items():
        if not domain.admits(values[name]):
            raise ParameterError(
                f"{owner}: {name}={values[name]!r} is not possible",
                where=f"parameter {name!r} of {owner}",
                mend=f"give {domain}",
            )
