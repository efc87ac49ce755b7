"""Whether one detector is better than another on one table: over its folds, and on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from amiss.core.errors import DataError, ParameterError
from amiss.core.params import Between, Whole, check
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.draws import Figure, figure, group_codes, levels_of
from amiss.evaluate.measures import areas, decided
from amiss.evaluate.ranking import auc_pr, auc_roc
from amiss.evaluate.truth import Flags, Rows, as_flags, as_scores
from amiss.evaluate.two_sample import Tested

__all__ = ["compare_folds", "compare_on_rows"]

_DECIDED = ("f1", "mcc", "precision", "recall", "accuracy", "balanced_accuracy", "false_alarm_rate")
_CHUNK = 50
_BY_ONE, _DOUBT = [1, 2, 5, 6], 0.5
"""Cells of rows that one of two detectors flags and the other does not; rows that each is worth beforehand."""


def compare_folds(a: Any, b: Any, *, test_share: float, level: float = 0.95) -> tuple[Figure, Tested]:
    """Mean difference a − b over folds with its interval, and the corrected resampled t-test.

    The training rows of folds overlap, so their figures hang together and a plain t-test finds differences that are
    none. The variance is made larger by test rows / training rows.

    Parameters
    ----------
    a, b : (n_folds,)
        A figure of two detectors on the same folds.
    test_share
        Share of the rows that a fold is judged on: 0.2 for five folds.
    level
        Of the interval.

    Examples
    --------
    >>> difference, tested = compare_folds([0.93, 0.95, 0.94, 0.96, 0.94], [0.9, 0.93, 0.9, 0.93, 0.92], test_share=0.2)
    >>> print(difference, round(tested.p_value, 3))
    .028 (.012–.044) 0.008

    References
    ----------
    Nadeau, C. & Bengio, Y. (2003). Inference for the generalization error.
    """
    from scipy.stats import t as student

    inside = Between(0, 1, open_low=True, open_high=True)
    check("compare_folds", {"test_share": inside, "level": inside}, {"test_share": test_share, "level": level})
    first = as_scores(a)
    gap = first - as_scores(b, n_rows=len(first))
    n = len(gap)
    if n < 2:
        raise DataError("one fold has no spread", mend="give figures of two folds or more, or compare on rows")
    mean, spread = float(gap.mean()), float(np.sqrt((1 / n + test_share / (1 - test_share)) * gap.var(ddof=1)))
    if spread == 0:
        statistic = float(np.copysign(np.inf, mean)) if mean else 0.0
        return Figure(mean, mean, mean), Tested(statistic, 0.0 if mean else 1.0)
    reach = float(student.ppf((1 + level) / 2, n - 1)) * spread
    return Figure(mean, mean - reach, mean + reach), Tested(
        mean / spread, float(2 * student.sf(abs(mean / spread), n - 1))
    )


def compare_on_rows(
    labels: Any,
    a: Any,
    b: Any,
    *,
    measure: str = "f1",
    groups: Any = None,
    n_draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[Figure, Tested]:
    """The difference of two detectors on the same rows, both redrawn together, and the p-value of "none".

    Rows are those of all folds together, each judged by a model that has not seen it. This asks whether the two fitted
    rankings differ on such rows; `compare_folds` asks whether they would after learning from other rows too.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row.
    a, b : (n_rows,)
        Flags for a measure of flags; scores for "auc_roc" and "auc_pr". Scores of different folds must be on one
        scale, such as p-values.
    measure
        "f1", "mcc", "precision", "recall", "accuracy", "balanced_accuracy", "false_alarm_rate", "auc_roc", "auc_pr".
    groups : (n_rows,)
        Rows that hang together, redrawn together.
    n_draws, level, seed
        Of the interval; a p-value is not smaller than 2 / (n_draws + 1).

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> labels = np.arange(1000) < 100
    >>> score = random.normal(size=1000) + 2 * labels
    >>> worse = score + random.normal(size=1000)
    >>> difference, tested = compare_on_rows(labels, score, worse, measure="auc_roc")
    >>> print(difference, tested.p_value < 0.05)
    .090 (.064–.12) True
    """
    check("compare_on_rows", {"n_draws": Whole(100), "seed": Whole(0)}, {"n_draws": n_draws, "seed": seed})
    truth = as_flags(labels)
    if truth.all() or not truth.any():
        raise DataError("labels hold one class only, so there is nothing to compare", where=f"{len(truth):,} labels")
    codes = np.arange(len(truth)) if groups is None else group_codes(groups, len(truth))
    if measure in _DECIDED:
        flags = [as_flags(each, name="flags", n_rows=len(truth)) for each in (a, b)]
        value, drawn, doubted = _decided_gap(truth, flags[0], flags[1], measure, codes, n_draws, seed)
    elif measure in ("auc_roc", "auc_pr"):
        scores = [as_scores(each, n_rows=len(truth)) for each in (a, b)]
        value, drawn = _area_gap(truth, scores[0], scores[1], measure, codes, n_draws, seed)
        doubted = drawn
    else:
        raise ParameterError(
            f"there is no measure {measure!r}", where="parameter 'measure' of compare_on_rows",
            mend="give one of " + ", ".join((*_DECIDED, "auc_roc", "auc_pr")),
        )  # fmt: skip
    told = doubted[~np.isnan(doubted)]
    if not len(told):
        return figure(float("nan"), drawn, level), Tested(float("nan"), 1.0)
    beyond = min((told <= 0).sum(), (told >= 0).sum())
    return figure(value, drawn, level), Tested(value, float(min(1.0, 2 * (beyond + 1) / (len(told) + 1))))


def _decided_gap(
    truth: Flags, a: Flags, b: Flags, measure: str, codes: Rows, n_draws: int, seed: int
) -> tuple[float, Vector, Vector]:
    """The difference, redrawn, and redrawn with the doubt that one row more may be told by one of them alone.

    The rows are eight cells (label, flag of a, flag of b): their weights are all that is redrawn. A cell that happens
    to be empty would never have any: few anomalies, all told by the same detector, would then look like proof.
    """
    cell = 4 * truth + 2 * a + b
    counts, share = np.bincount(cell, minlength=8).astype(np.float64), float(truth.mean())
    masses = _cell_masses(cell, 8, codes, n_draws, seed)

    def gap(masses: Matrix) -> Vector:
        normal, anomalies = masses[:, :4], masses[:, 4:]
        of_each = []
        for columns in ([2, 3], [1, 3]):
            false, found = (part[:, columns].sum(axis=1) / part.sum(axis=1) for part in (normal, anomalies))
            of_each.append(decided(found, false, share)[measure])
        return of_each[0] - of_each[1]

    doubt = np.zeros(masses.shape)
    if counts[_BY_ONE].any():
        doubt[:, _BY_ONE] = np.random.default_rng([seed, 1]).gamma(_DOUBT, size=(len(masses), len(_BY_ONE)))
    return float(gap(counts[None, :])[0]), gap(masses), gap(masses + doubt)


def _area_gap(
    truth: Flags, a: Vector, b: Vector, measure: str, codes: Rows, n_draws: int, seed: int
) -> tuple[float, Vector]:
    exact = auc_roc if measure == "auc_roc" else auc_pr
    value = exact(truth, a) - exact(truth, b)
    share, place = float(truth.mean()), int(measure == "auc_pr")
    drawn = np.zeros(n_draws)
    for scores, sign in ((a, 1.0), (b, -1.0)):
        levels, n = levels_of(truth, scores)
        cell = levels + n * ~truth
        plain = np.bincount(cell, minlength=2 * n)[None, :].astype(np.float64)
        coarse, redrawn = (
            areas(_shares(masses[:, :n]), _shares(masses[:, n:]), share)[place]
            for masses in (plain, _cell_masses(cell, 2 * n, codes, n_draws, seed))
        )
        # Levels are coarser than scores: only how far the draws lie from their middle is taken from them.
        drawn += sign * (redrawn - coarse[0])
    return value, value + drawn


def _shares(masses: Matrix) -> Matrix:
    shares: Matrix = masses / masses.sum(axis=1, keepdims=True)
    return shares


def _cell_masses(cell: Rows, n_cells: int, codes: Rows, n_draws: int, seed: int) -> Matrix:
    """Weight of each cell where each group of rows has an exponential weight: the same for the same seed."""
    from scipy.sparse import csr_matrix

    n_groups = int(codes.max()) + 1
    counts = csr_matrix((np.ones(len(cell), np.float32), (cell, codes)), shape=(n_cells, n_groups))
    random = np.random.default_rng(seed)
    parts = [
        np.asarray(counts @ random.standard_exponential((min(_CHUNK, n_draws - start), n_groups), np.float32).T).T
        for start in range(0, n_draws, _CHUNK)
    ]
    return np.concatenate(parts).astype(np.float64)
