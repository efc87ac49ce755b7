"""Reads what the user asked for: false alarms by share, number or time, or a share of false ones among the alarms."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import ClassVar

from amiss.core.errors import ParameterError, PromiseError

__all__ = ["FalseAlarms", "FalseDiscoveries", "Wish", "read_wish"]

_DEFAULT_RATE = 0.01
_SECONDS = {
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86400.0,
    "week": 604800.0,
    "month": 2629800.0,
    "year": 31557600.0,
}
_PER_TIME = re.compile(rf"^\s*([0-9.]+)\s*/\s*({'|'.join(_SECONDS)})\s*$")
_FORMS = "a share such as 1% or 0.01, a number of rows such as 5, or a number per time such as 1/day"


_HIGHEST = 0.5
"""Largest share of the rows that is ever promised for a number per time."""


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """A wish for at most so many false alarms.

    Attributes
    ----------
    asked
        In the user's words.
    share, number, per_second
        One of them is given, the others are None.
    default
        Nobody asked: 1 %, or one row where there are fewer than 100 (see `of`).
    """

    of_alarms: ClassVar[bool] = False

    asked: str
    share: float | None = None
    number: float | None = None
    per_second: float | None = None
    default: bool = False

    @classmethod
    def read(cls, wish: str | float | None) -> FalseAlarms:
        """Read "1%", 0.01, "5", 5 or "1/day".

        Raises
        ------
        ParameterError
            It is none of these, or not positive.
        """
        if wish is None:
            return cls("1% of the rows (default)", share=_DEFAULT_RATE, default=True)
        text = str(wish).strip()
        per_time = _PER_TIME.match(text)
        try:
            if per_time:
                value = float(per_time[1])
                made = cls(f"{value:g} per {per_time[2]}", per_second=value / _SECONDS[per_time[2]])
            elif text.endswith("%"):
                value = float(text[:-1])
                made = cls(f"{value:g}% of the rows", share=value / 100)
            else:
                value = float(text)
                is_share = 0 < value < 1
                made = (
                    cls(f"{value * 100:g}% of the rows", share=value)
                    if is_share
                    else cls(f"{value:g} rows", number=value)
                )
        except ValueError:
            raise ParameterError(f"false alarms {text!r} cannot be read", mend=f"give {_FORMS}") from None
        if not 0 < value < math.inf or (made.share is not None and made.share >= 1):
            raise ParameterError(f"false alarms {text!r} are not between none and all", mend=f"give {_FORMS}")
        return made

    def of(self, n_rows: int) -> FalseAlarms:
        """The wish in words that fit a table of `n_rows`: few rows cannot carry the default of 1 %."""
        if self.default and n_rows < 1 / _DEFAULT_RATE:
            return FalseAlarms(f"1 row in {n_rows} (default for few rows)", number=1.0)
        if self.number is not None:
            rows = "row" if self.number == 1 else "rows"
            return FalseAlarms(f"{self.number:g} {rows} in {n_rows:,}", number=self.number)
        return self

    def rate(self, n_rows: int, span_seconds: float | None) -> float:
        """The largest share of normal rows that may raise an alarm.

        Parameters
        ----------
        n_rows
            Rows that the wish was made for.
        span_seconds
            Time from the first to the last of them; None where there is no time.

        Raises
        ------
        PromiseError
            A number per time is asked for data without time.
        """
        if self.share is not None:
            return self.share
        if self.number is not None:
            if self.number >= n_rows:
                raise PromiseError(
                    f"{self.number:g} false alarms are asked for {n_rows:,} rows",
                    mend="ask for fewer than there are rows",
                )
            return self.number / n_rows
        if not span_seconds:
            raise PromiseError(
                f"{self.asked} is asked, but the data have no time column",
                mend="name it with --time COLUMN, or ask for a share such as 1%",
            )
        assert self.per_second is not None
        return min(self.per_second * span_seconds / n_rows, _HIGHEST)

    def is_cut(self, n_rows: int, span_seconds: float | None) -> bool:
        """Whether more is asked for than one row in two, which is all that is promised."""
        return bool(self.per_second and span_seconds and self.per_second * span_seconds > _HIGHEST * n_rows)


@dataclass(frozen=True, slots=True)
class FalseDiscoveries:
    """A wish for at most so large a share of false ones among the alarms.

    Attributes
    ----------
    asked
        In the user's words.
    share
        In (0, 1).
    """

    of_alarms: ClassVar[bool] = True
    default: ClassVar[bool] = False

    asked: str
    share: float

    @classmethod
    def read(cls, wish: str | float) -> FalseDiscoveries:
        """Read "10%" or 0.1.

        Raises
        ------
        ParameterError
            It is no share of the alarms.
        """
        text = str(wish).strip()
        try:
            share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            share = math.nan
        if not 0 < share < 1:
            raise ParameterError(
                f"false discoveries {text!r} are no share of the alarms", mend="give a share such as 10% or 0.1"
            )
        return cls(f"{100 * share:g}% of the alarms", share)

    def of(self, n_rows: int) -> FalseDiscoveries:
        """The wish itself, for a table of any size."""
        return self

    def rate(self, n_rows: int, span_seconds: float | None) -> float:
        """The largest share of the alarms that may be false."""
        return self.share

    def is_cut(self, n_rows: int, span_seconds: float | None) -> bool:
        """Never: any share of the alarms can be promised."""
        return False


Wish = FalseAlarms | FalseDiscoveries


def read_wish(false_alarms: str | float | None, false_discoveries: str | float | None) -> Wish:
    """The one wish of the two that was given; the default of `FalseAlarms` where none was.

    Raises
    ------
    ParameterError
        Both are given, or one cannot be read.
    """
    if false_discoveries is None:
        return FalseAlarms.read(false_alarms)
    if false_alarms is not None:
        raise ParameterError(
            "false alarms and false discoveries are both asked for",
            mend="give one: a share of the normal rows, or a share of the alarms",
        )
    return FalseDiscoveries.read(false_discoveries)
