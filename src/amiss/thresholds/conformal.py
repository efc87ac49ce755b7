"""Conformal p-values: a row's score among the scores of rows taken to be normal."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from amiss.core.errors import PromiseError
from amiss.core.summary import Vector
from amiss.core.threshold import Promise, Threshold
from amiss.thresholds.dirt import n_suspicious
from amiss.thresholds.discoveries import discoveries
from amiss.thresholds.promise import Wish
from amiss.thresholds.tail import FEWEST_ROWS, Tail

__all__ = ["Conformal"]

_EXACT = 100_000
_COUNTED = 20
"""Calibration rows that have to score higher for a p-value to be counted; with fewer it is read off the tail."""
_FARTHEST = 0.2
"""Of a calibration row in the promised tail: the reached rate is then still on average what was asked."""
_LOWEST = 0.01
"""The same for p-values, which are not smaller than this share of a row."""


class Conformal(Threshold):
    """Calls a row an anomaly if at most a share `rate` of the calibration rows score as high.

    If a normal row and the calibration rows are exchangeable, its p-value is at or below any α with probability at
    most α, whatever the detector and the data. Below about 20 rows, the p-values come from a `Tail`: they are finer,
    vary less from draw to draw, and rest on a model. Rows that look like anomalies are left out of the calibration.

    Parameters
    ----------
    rate
        Largest share of normal rows that may raise an alarm, or of the alarms that may be false, in (0, 1).
    asked
        The promise in the user's words.
    same_rows
        The calibration rows are the very rows to be judged.
    of_alarms
        `rate` is a share of the alarms: the decision on a row then depends on the batch that it is judged in.
    version
        Number of the promise, from 1.

    Attributes
    ----------
    values_ : (n_knots,)
        Different scores of the calibration rows, ascending: all of the highest 100,000, and enough of the others.
    n_at_least_ : (n_knots + 1,)
        How many of the rows score higher than the knot before each; then 0.
    n_calibration_
        Number of calibration rows.
    n_effective_
        Number of independent rows that they are worth.
    suspicious_ : (n_suspicious,)
        Scores of the rows left out, descending.
    tail_
        The tail beyond the highest calibration rows; None where there is none.
    by_rank_
        Each row is one of the calibration rows and counted once: its p-value is its rank.

    References
    ----------
    Laxhammar, R. and Falkman, G. (2010). Conformal prediction for distribution-independent anomaly detection.
    Vovk, V. (2015). Cross-conformal predictors. Annals of Mathematics and Artificial Intelligence.
    """

    def __init__(
        self, rate: float, *, asked: str, same_rows: bool = False, of_alarms: bool = False, version: int = 1
    ) -> None:
        self.rate, self.asked, self.same_rows = rate, asked, same_rows
        self.of_alarms, self.version = of_alarms, version

    def calibrate(self, scores: Vector, *, n_effective: float | None = None, clean: bool = False) -> Self:
        """Learn from the scores of rows taken to be normal.

        Parameters
        ----------
        scores : (n_rows,)
            In any order.
        n_effective
            Number of independent rows that they are worth; None for all.
        clean
            There are no anomalies among them: none is looked for.

        Raises
        ------
        PromiseError
            There are too few rows for so low a rate; says how many it takes.
        """
        ordered = np.sort(scores)
        self.by_rank_ = self.same_rows and not self.of_alarms
        n_odd = 0 if clean or self.by_rank_ else n_suspicious(scores)
        self.suspicious_ = ordered[len(ordered) - n_odd :][::-1].copy()
        ordered = ordered[: len(ordered) - n_odd]
        n = len(ordered)
        self.tail_ = None if self.by_rank_ else Tail.fitted(ordered[::-1], self.suspicious_)
        knots = _knots(ordered)
        self.values_ = ordered[knots]
        # A score between two knots is counted as if it stood just above the lower one: never too small a p-value.
        n_below = np.append(0, np.searchsorted(ordered, self.values_, side="right"))
        self.n_at_least_ = n - n_below
        self.n_calibration_ = n
        self.n_effective_ = float(n) if n_effective is None else min(float(n_effective), float(n))
        self.check_support()
        return self

    @property
    def calibration_scores(self) -> Vector:
        """Scores of the calibration rows, ascending, (n_calibration,); between knots, that of the knot below."""
        counts = self.n_at_least_[:-1] - self.n_at_least_[1:]
        scores: Vector = np.repeat(self.values_, counts)
        return scores

    def check_support(self, n_rows: int | None = None) -> None:
        """Raise `PromiseError` if so many calibration rows cannot support the rate; says how many it takes.

        Parameters
        ----------
        n_rows
            Asked before the calibration, with hope for a tail; None after it, when all is known.
        """
        if self.of_alarms:
            return
        n = n_rows if n_rows is not None else self.n_calibration_
        worth = float(n) if n_rows is not None else self.n_effective_
        has_tail = not self.same_rows if n_rows is not None else self.tail_ is not None
        # Rows that follow one another in time are worth fewer: so many more of them are needed.
        needed = math.ceil((math.ceil(1 / self.rate - 1e-9) - (not self.same_rows)) * n / worth)
        if has_tail:
            needed = min(needed, max(FEWEST_ROWS, math.ceil(_FARTHEST / self.rate * n / worth - 1e-9)))
        if n >= needed:
            return
        like = f", worth {worth:,.0f} independent ones" if worth < 0.9 * n else ""
        lowest = _FARTHEST / worth if has_tail and n >= FEWEST_ROWS else 1 / (worth + (not self.same_rows))
        raise PromiseError(
            f"{self.asked} cannot be promised from {n:,} rows{like}",
            where=f"the lowest rate that they support is {lowest:.3%} of the rows",
            mend=f"give {needed - n:,} more rows ({needed:,} in all), or allow more false alarms",
        )

    def at(self, rate: float, wish: Wish) -> Conformal:
        """The same calibration under another promise, with the next version.

        Raises
        ------
        PromiseError
            The calibration rows cannot support it.
        """
        if wish.of_alarms and self.by_rank_:
            raise PromiseError(
                "a share of false alarms among the alarms cannot be promised by ranks of the rows themselves",
                mend="detect with false_discoveries, or fit a model and score with it",
            )
        made = Conformal.restored(
            self.state() | {"rate": rate, "asked": wish.asked, "of_alarms": wish.of_alarms, "version": self.version + 1}
        )
        made.check_support()
        return made

    def p_value(self, scores: Vector) -> Vector:
        """p-value of each score, (n_rows,), in (0, 1]: the share of normal rows that score at least as high.

        A row's rank among all where the rows judge one another; otherwise the row itself is counted beside the
        calibration rows, and the highest p-values come from the tail.
        """
        n_higher = self.n_at_least_[np.searchsorted(self.values_, scores, side="left")]
        n = self.n_calibration_
        if self.by_rank_:
            ranks: Vector = np.maximum(n_higher, 1) / n
            return ranks
        n_hidden = self.tail_.n_hidden if self.tail_ else 0.0
        p: Vector = (n_higher + n_hidden + 1) / (n + n_hidden + 1)
        if self.tail_ is not None:
            last, share = self._last_counted()
            beyond = scores > last
            at_last = float(self.tail_.share_above(np.array([last]))[0])
            modelled = share * self.tail_.share_above(scores[beyond]) / at_last
            p[beyond] = np.maximum(modelled, _LOWEST / (n + n_hidden + 1))
        return p

    def _last_counted(self) -> tuple[float, float]:
        """The highest score whose p-value is counted, and the p-value just above it, where the tail begins."""
        assert self.tail_ is not None
        knot = int(np.searchsorted(-self.n_at_least_[:-1], -_COUNTED, side="right")) - 1
        n_above = float(self.n_at_least_[knot + 1]) + self.tail_.n_hidden
        return float(self.values_[knot]), (n_above + 1) / (self.n_calibration_ + self.tail_.n_hidden + 1)

    def is_anomaly(self, scores: Vector) -> npt.NDArray[np.bool_]:
        """Whether a row's p-value is at or below the rate; for a share of the alarms, by the batch of all scores."""
        if self.of_alarms:
            return discoveries(self.p_value(scores), self.rate)
        # The margin is for rates such as 5 / n, which double precision cannot hold exactly.
        found: npt.NDArray[np.bool_] = self.p_value(scores) <= self.rate * (1 + 1e-9)
        return found

    def promise(self) -> Promise:
        """What was asked and what the calibration rows reach."""
        counts = -np.diff(self.n_at_least_)
        n, n_odd = self.n_calibration_, len(self.suspicious_)
        n_alarms = int(counts[self.is_anomaly(self.values_)].sum())
        n_odd_alarms = n_odd if self.of_alarms else int(self.is_anomaly(self.suspicious_).sum())
        n_hidden = self.tail_.n_hidden if self.tail_ else 0.0
        modelled = self.tail_ is not None and (self.of_alarms or self.rate < self._last_counted()[1])
        return Promise(
            self.asked,
            self.rate,
            n_alarms / n,
            n,
            self._note(modelled),
            "alarms" if self.of_alarms else "rows",
            round(self.n_effective_),
            max(n_odd - n_hidden, 0.0) / (n + n_odd),
            (n_alarms + n_odd_alarms) / (n + n_odd),
            modelled,
            self.version,
        )

    def _note(self, modelled: bool) -> str:
        if self.by_rank_:
            return "each row's rank among all rows; holds for normal rows even where anomalies are among them"
        seen = "the rows themselves" if self.same_rows else "rows by models that had not seen them (cross-conformal)"
        rule = "Benjamini and Hochberg's rule on p-values from scores of" if self.of_alarms else "scores of"
        return f"{rule} {seen}" + (", the highest by a modelled tail (generalised Pareto)" if modelled else "")

    def state(self) -> dict[str, Any]:
        """The calibration, as arrays and numbers."""
        state: dict[str, Any] = {
            "values": self.values_,
            "n_at_least": self.n_at_least_,
            "rate": self.rate,
            "asked": self.asked,
            "same_rows": self.same_rows,
            "n_calibration": self.n_calibration_,
            "of_alarms": self.of_alarms,
            "version": self.version,
            "by_rank": self.by_rank_,
            "n_effective": self.n_effective_,
            "suspicious": self.suspicious_,
        }
        if self.tail_ is not None:
            state |= {f"tail.{name}": getattr(self.tail_, name) for name in _TAIL}
        return state

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Conformal:
        """The threshold that had this `state`; models of the first format have neither tail nor version."""
        made = cls(
            state["rate"],
            asked=state["asked"],
            same_rows=state["same_rows"],
            of_alarms=state.get("of_alarms", False),
            version=state.get("version", 1),
        )
        made.values_, made.n_at_least_ = state["values"], state["n_at_least"]
        made.n_calibration_ = state["n_calibration"]
        made.n_effective_ = float(state.get("n_effective", made.n_calibration_))
        made.suspicious_ = state.get("suspicious", np.empty(0))
        made.by_rank_ = bool(state.get("by_rank", made.same_rows))
        made.tail_ = Tail(*(state[f"tail.{name}"] for name in _TAIL)) if "tail.start" in state else None
        return made

    def check(self) -> None:
        """Raise `ValueError` if what was restored is no calibration."""
        tail = self.tail_
        sound = (
            len(self.n_at_least_) == len(self.values_) + 1
            and 0 < self.rate < 1
            and self.n_calibration_ == self.n_at_least_[0] > 0
            and (np.diff(self.n_at_least_) <= 0).all()
            and 0 < self.n_effective_ <= self.n_calibration_
            and self.version >= 1
            and self.suspicious_.ndim == 1
            and bool(np.isfinite(self.suspicious_).all() and np.isfinite(self.values_).all())
            and bool((np.diff(self.values_) >= 0).all())
        )
        if sound and tail is not None:
            sound = (
                tail.shape.shape == tail.scale.shape == tail.weight.shape
                and bool((tail.scale > 0).all() and (tail.weight >= 0).all() and (tail.shape != 0).all())
                and abs(float(tail.weight.sum()) - 1) < 1e-6
                and all(np.isfinite(part).all() for part in (tail.shape, tail.scale, tail.start, tail.unit))
                and tail.unit > 0
                and tail.n_hidden >= 0
            )
        if not sound:
            raise ValueError("the threshold's numbers do not fit together")


_TAIL = ("start", "unit", "shape", "scale", "weight", "n_hidden")


def _knots(ordered: Vector) -> npt.NDArray[np.intp]:
    """Places of the scores to keep: the last of each run of equal ones, thinned out far below the tail."""
    last_of_run = np.flatnonzero(np.diff(ordered, append=np.inf) > 0)
    if len(last_of_run) <= 2 * _EXACT:
        return last_of_run
    tail = len(last_of_run) - _EXACT
    step = -(-tail // _EXACT)
    return np.concatenate([last_of_run[:tail:step], last_of_run[tail:]])
