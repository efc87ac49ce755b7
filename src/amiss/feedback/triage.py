"""Rows of a table in the order in which a person should look at them, learnt from what was said of others."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, Self, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.catalog import detector_class
from amiss.core.errors import DataError, NotFittedError, ParameterError
from amiss.core.summary import Matrix, Vector
from amiss.feedback.company import Company
from amiss.feedback.near_rows import NEAR, NearRows
from amiss.feedback.row_learner import Lesson, learn
from amiss.feedback.shadow import Comparison, compare
from amiss.thresholds.conformal import Conformal

__all__ = ["RowQuestion", "RowVerdict", "TriageRanker"]

RowVerdict = Literal["anomaly", "normal", "not_now", "unsure"]
Places = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
_VERDICTS: tuple[str, ...] = get_args(RowVerdict)
MEMBERS = ("ensemble", "isolation_forest", "hbos", "robust_covariance", "knn", "pca", "copod")
_KNOWN_BY = 2
"""Members whose surprises are what is known before anything is said."""
_BASE, _SLOPE = -1.0, 0.15
"""What is expected of a row without surprise, and by how much more of each unit of it."""
_EVERY = 10
_LOOKED_AT = 8
"""Rows among which an uncertain or a novel one is asked about: the first of the queue."""
_RECENT, _CURIOSITY = 10, 0.5
"""Verdicts that tell how well it goes; and kinship's price while it goes badly."""
_ENOUGH = 8


class RowQuestion(msgspec.Struct, frozen=True):
    """A row to ask about.

    Attributes
    ----------
    row
        Its position.
    why
        "rank"; or every tenth time "uncertain" or "novel": among the first rows, the one nearest to either verdict, or
        least like any that something was said of.
    """

    row: int
    why: Literal["rank", "uncertain", "novel"]


class TriageRanker:
    """Ranks the rows of a table by verdicts on some of them; each changes the order at once.

    Before anything is said, the surprises of two detectors order the rows. Each verdict then speaks for or against the
    rows that go the same way through the trees of a forest (`Company`), and for or against the detectors that had
    said so: a Gaussian process over kinship and the members' surprises. While verdicts keep disappointing, the next
    question turns away from what was asked already; every tenth is the most uncertain or novel of the first rows.

    Near-duplicates of rows called normal, alike in every column, are hidden, with the reason, unless they are as near
    to one called an anomaly; those of "not_now" for the next `snooze_verdicts` verdicts. "unsure" is kept and changes
    nothing. Where each verdict, judged by all others, would have been told better without learning, the order is again
    what it was before anything was said.

    The same rows and verdicts give the same order, in whichever order these came; taking one back restores what was.
    A verdict on 100,000 rows takes about a tenth of a second, however many there were before (memory: 3 bytes a row for
    each).

    Parameters
    ----------
    n_trees
        Trees that tell kinship, from 2 to 256.
    false_alarm_rate
        Share of rows that are not called anomalies and may raise an alarm, in (0, 1).
    snooze_verdicts
        How many verdicts "not_now" holds for, at least 1.
    seed
        From 0.

    Attributes
    ----------
    members_
        Names of the detectors asked.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.feedback import TriageRanker
    >>> random = np.random.default_rng(0)
    >>> clumps = [random.normal(place, 0.3, (20, 2)) for place in ([6, 0], [0, 6])]
    >>> X = np.vstack([random.normal(size=(500, 2)), *clumps])
    >>> ranker = TriageRanker().fit(X)
    >>> for _ in range(12):
    ...     row = ranker.next_question().row
    ...     ranker.label(row, "anomaly" if row >= 520 else "normal")
    >>> bool(np.mean(ranker.ranking()[:8] >= 520) > 0.8)
    True
    """

    def __init__(
        self, *, n_trees: int = 200, false_alarm_rate: float = 0.01, snooze_verdicts: int = 50, seed: int = 0
    ) -> None:
        if not 2 <= n_trees <= 256:
            raise ParameterError(f"n_trees is {n_trees}", mend="give 2 to 256")
        if not 0 < false_alarm_rate < 1:
            raise ParameterError(f"false_alarm_rate is {false_alarm_rate:g}", mend="give one in (0, 1)")
        if snooze_verdicts < 1:
            raise ParameterError(f"snooze_verdicts is {snooze_verdicts}", mend="give 1 or more")
        self.n_trees, self.false_alarm_rate = n_trees, false_alarm_rate
        self.snooze_verdicts, self.seed = snooze_verdicts, seed

    def fit(self, X: Matrix, known: Sequence[Vector] = ()) -> Self:
        """Take up rows, of which nothing has been said.

        Parameters
        ----------
        X : (n_rows, n_features)
            Prepared rows, as `Model.preparation` makes them; NaN where missing.
        known : each (n_rows,)
            Anomaly scores that order the rows at first, such as a model's; none for those of the default ensemble and
            of an isolation forest.
        """
        X = np.ascontiguousarray(X, dtype=np.float64)
        if X.ndim != 2 or len(X) < 2:
            raise DataError("a queue needs at least two rows", mend="give a table of more rows")
        scores, self.members_ = _member_scores(X, self.seed)
        self._surprises = np.stack([_surprise(each) for each in scores], axis=1)
        first = np.stack([_surprise(np.asarray(each, dtype=np.float64)) for each in known], axis=1) if known else None
        self._known = _surprise((self._surprises[:, :_KNOWN_BY] if first is None else first).mean(axis=1))
        self._prior = _BASE + _SLOPE * self._known
        # Around a row of no particular rank, so that a verdict on one says nothing about a detector as such.
        self._surprises -= 1.0
        self._company = Company(X, n_trees=self.n_trees, seed=self.seed)
        self._log: list[tuple[int, RowVerdict]] = []
        self._near = NearRows(X)
        self._kin: dict[int, npt.NDArray[np.uint16]] = {}
        self._gaps: dict[int, npt.NDArray[np.uint8]] = {}
        self._picture: _Picture | None = None
        return self

    @classmethod
    def of(cls, model: Any, X: Matrix, **options: Any) -> Self:
        """For prepared rows and the model that ranks them until something is said."""
        made = cls(**options)
        return made.fit(X, [model.detector.score_rows(np.ascontiguousarray(X))])

    # What is said ------------------------------------------------------------------------------------------

    def label(self, row: int, verdict: RowVerdict) -> None:
        """Say of a row what it is; of two verdicts on a row the later stands.

        Raises
        ------
        ParameterError
            There is no such row, or no such verdict.
        """
        self._check()
        if not 0 <= row < len(self._prior):
            raise ParameterError(f"there is no row {row}", mend=f"give 0 to {len(self._prior) - 1}")
        if verdict not in _VERDICTS:
            raise ParameterError(f"there is no verdict {verdict!r}", mend=f"say one of {', '.join(_VERDICTS)}")
        self._log.append((int(row), verdict))
        self._picture = None

    def undo(self) -> tuple[int, RowVerdict] | None:
        """Take back the last verdict: the row and what was said; None if there is none."""
        self._check()
        self._picture = None
        return self._log.pop() if self._log else None

    def labels(self) -> list[tuple[int, RowVerdict]]:
        """All verdicts that were not taken back, in their order."""
        self._check()
        return list(self._log)

    # What is told ------------------------------------------------------------------------------------------

    def scores(self) -> Vector:
        """What is expected of each row: around −1 for normal, 1 for anomalies; (n_rows,)."""
        return self._seen().scores

    def ranking(self, *, hidden: bool = False) -> Places:
        """Rows that nobody has said anything of, the one to look at first first.

        Parameters
        ----------
        hidden
            Those that are hidden instead.
        """
        seen = self._seen()
        rows = np.flatnonzero(seen.is_free & ((seen.hidden_for >= 0) == hidden))
        order: Places = rows[np.lexsort((rows, -seen.scores[rows]))]
        return order

    def rank_of(self, row: int) -> int:
        """Where a row stands among all, from 0: those called anomalies stand first, those called normal last."""
        seen = self._seen()
        tier = np.ones(len(seen.scores))
        for place, verdict in seen.standing.items():
            tier[place] = {"anomaly": 0.0, "normal": 2.0}.get(verdict, 1.0)
        before = (tier < tier[row]) | ((tier == tier[row]) & (seen.scores > seen.scores[row]))
        ties = (tier == tier[row]) & (seen.scores == seen.scores[row])
        return int(before.sum() + ties[:row].sum())

    def next_question(self, skip: Collection[int] = ()) -> RowQuestion | None:
        """The row to ask about next, none of those to `skip`; None where all is said or hidden."""
        seen = self._seen()
        value = np.where(seen.is_free & (seen.hidden_for < 0), seen.scores - seen.price * seen.nearest, -np.inf)
        value[list(skip)] = -np.inf
        best = int(np.argmax(value))
        if value[best] == -np.inf:
            return None
        number = len(seen.standing) + len(skip) + 1
        if number % _EVERY:
            return RowQuestion(best, "rank")
        first = np.argsort(-value, kind="stable")[:_LOOKED_AT]
        first = first[value[first] > -np.inf]
        if number // _EVERY % 2:
            return RowQuestion(int(first[np.argmin(np.abs(seen.scores[first]))]), "uncertain")
        return RowQuestion(int(first[np.argmin(seen.nearest[first])]), "novel")

    def is_hidden(self, row: int) -> str:
        """Why a row is not shown, in words; "" where it is."""
        seen = self._seen()
        example = int(seen.hidden_for[row])
        if example < 0 or row in seen.standing:
            return ""
        said = "called normal" if seen.standing[example] == "normal" else "put off"
        return f"like row {example} that was {said}"

    def is_anomaly(self) -> Flags:
        """The decisions, (n_rows,): what was said where something was, the promise elsewhere.

        The threshold is found anew after each verdict, on the scores of all rows not called anomalies: of these, at
        most the share asked for is beyond it.
        """
        seen = self._seen()
        odd = [row for row, verdict in seen.standing.items() if verdict == "anomaly"]
        usual = np.ones(len(seen.scores), np.bool_)
        usual[odd] = False
        threshold = Conformal(self.false_alarm_rate, asked=f"{self.false_alarm_rate:g}", same_rows=True)
        found: Flags = threshold.calibrate(seen.scores[usual], clean=True).is_anomaly(seen.scores)
        for row, verdict in seen.standing.items():
            if verdict in ("anomaly", "normal"):
                found[row] = verdict == "anomaly"
        return found

    def learns(self) -> tuple[bool, str]:
        """Whether verdicts order the rows, and why, in one sentence."""
        seen = self._seen()
        return seen.learns, seen.why

    # Inside ------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        if not hasattr(self, "_log"):
            raise NotFittedError("this ranker has no rows yet", mend="call fit first")

    def _seen(self) -> _Picture:
        self._check()
        if self._picture is None:
            self._picture = self._look()
        return self._picture

    def _look(self) -> _Picture:
        standing = dict(self._log)
        held = {row for row, verdict in self._log[-self.snooze_verdicts :] if verdict == "not_now"}
        standing = {row: said for row, said in standing.items() if said != "not_now" or row in held}
        decided = np.array(sorted(row for row, said in standing.items() if said in ("anomaly", "normal")), np.intp)
        is_anomaly = np.array([standing[row] == "anomaly" for row in decided.tolist()], np.bool_)
        self._kin = {row: kin for row, kin in self._kin.items() if row in standing}
        self._gaps = {row: gap for row, gap in self._gaps.items() if row in standing}
        scores, learns, why = self._prior, True, "nothing has been said yet"
        if len(decided):
            lesson = self._learnt(decided, is_anomaly)
            found = compare(lesson.alone, self._prior[decided], is_anomaly)
            learns = len(decided) < _ENOUGH or not found.worse
            why = _said(found, learns)
            if learns:
                scores = self._prior + self._company.spread(decided, lesson.weights)
                scores += self._surprises @ lesson.members
        is_free = np.ones(len(scores), np.bool_)
        is_free[list(standing)] = False
        last = [said == "anomaly" for row, said in self._log if standing.get(row) == said][-_RECENT:]
        price = _CURIOSITY * (1.0 - float(np.mean(last))) if last else 0.0
        return _Picture(
            standing=standing, scores=scores, is_free=is_free, hidden_for=self._hidden(standing),
            nearest=self._kinship(decided), price=price, learns=learns, why=why,
        )  # fmt: skip

    def _learnt(self, decided: Places, is_anomaly: Flags) -> Lesson:
        kin = np.stack([self._kin_of(row)[decided] for row in decided.tolist()]).astype(np.float64)
        verdicts = np.where(is_anomaly, 1.0, -1.0)
        return learn(kin / self._company.most, self._surprises[decided], self._prior[decided], verdicts)

    def _kin_of(self, row: int) -> npt.NDArray[np.uint16]:
        if row not in self._kin:
            self._kin[row] = self._company.of(row)
        return self._kin[row]

    def _kinship(self, rows: Places) -> Vector:
        """Kinship of each row with the nearest of some: (n_rows,)."""
        best = np.zeros(len(self._prior), np.uint16)
        for row in rows.tolist():
            np.maximum(best, self._kin_of(row), out=best)
        return best / self._company.most

    def _gap(self, rows: list[int]) -> tuple[npt.NDArray[np.uint8], Places]:
        """Gap between each row and the nearest of some, and which that is; −1 for none."""
        best, who = np.full(len(self._prior), 255, np.uint8), np.full(len(self._prior), -1, np.intp)
        for row in sorted(rows):
            if row not in self._gaps:
                self._gaps[row] = self._near.of(row)
            nearer = np.flatnonzero(self._gaps[row] < best)
            best[nearer], who[nearer] = self._gaps[row][nearer], row
        return best, who

    def _hidden(self, standing: dict[int, RowVerdict]) -> Places:
        """The row that each is hidden for; −1 where it is not."""
        said = {verdict: [row for row, each in standing.items() if each == verdict] for verdict in _VERDICTS}
        (normal, who), (odd, _), (off, whose) = (self._gap(said[each]) for each in ("normal", "anomaly", "not_now"))
        return np.where((normal <= NEAR) & (normal < odd), who, np.where(off <= NEAR, whose, -1))


class _Picture(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All that follows from the verdicts so far."""

    standing: dict[int, RowVerdict]
    scores: Vector
    is_free: Flags
    hidden_for: Places
    nearest: Vector
    price: float
    learns: bool
    why: str


def _member_scores(X: Matrix, seed: int) -> tuple[list[Vector], tuple[str, ...]]:
    """Scores of the detectors that can learn from these rows."""
    scores, names = [], []
    for name in MEMBERS:
        detector = detector_class(name)()
        if hasattr(detector, "random_state"):
            detector.set_params(random_state=seed)
        whole = X if detector.capabilities.missing else np.where(np.isnan(X), np.nanmedian(X, axis=0), X)
        try:
            found = detector.fit(whole).anomaly_score(whole)
        except DataError:
            continue
        scores.append(found)
        names.append(name)
    return scores, tuple(names)


def _surprise(scores: Vector) -> Vector:
    """The surprise that a row would score as high, by its rank among all; like scores are alike."""
    ordered = np.sort(scores)
    above = len(scores) - (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right") - 1) / 2
    surprise: Vector = -np.log(above / (len(scores) + 1))
    return surprise


def _said(found: Comparison, learns: bool) -> str:
    n = found.n_anomalies + found.n_normal
    if n < _ENOUGH or not found.n_anomalies or not found.n_normal:
        return f"{n} verdicts: too few of either kind to tell whether learning from them helps"
    figures = f"{found.first:.2f} of {n} verdicts in order, each judged by the others; as at first {found.second:.2f}"
    return figures if learns else f"the order is as at first, which does better ({figures})"
