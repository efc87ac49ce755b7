"""Which detectors are told apart over many data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from amiss.core.errors import DataError, ParameterError
from amiss.core.params import Between, check
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.two_sample import Tested, holm

__all__ = ["Ranked", "friedman", "groups_alike", "over_data_sets", "ranks_of"]

_FEWEST_SETS = 6
"""Of fewer pairs Wilcoxon's test cannot reach p = .05, whatever they are."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Detectors over many data sets: all that a critical-difference diagram shows.

    Attributes
    ----------
    names
        The best mean rank first.
    mean_ranks : (n_detectors,)
        In that order; 1 is the best.
    friedman
        The test that all are alike.
    critical_difference
        Nemenyi's: mean ranks that differ by less are not told apart. NaN for Wilcoxon–Holm.
    p_values : (n_detectors, n_detectors)
        Of each pair, corrected for their number.
    groups
        Largest runs of neighbours by rank none of which is told apart from another; a detector alone has none.
    notes
        What weakens the conclusion.
    """

    names: tuple[str, ...]
    mean_ranks: Vector
    friedman: Tested
    critical_difference: float
    p_values: Matrix
    groups: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def friedman(table: Any) -> Tested:
    """Friedman's test that all columns are alike, ties corrected; higher is better, but for the p-value it is one.

    Parameters
    ----------
    table : (n_sets, n_detectors)
        A figure of each detector on each data set; at least two sets and three detectors.

    Examples
    --------
    >>> tested = friedman([[0.9, 0.8, 0.7], [0.8, 0.7, 0.6], [0.95, 0.9, 0.5], [0.7, 0.6, 0.5]])
    >>> round(tested.statistic, 6), round(tested.p_value, 3)
    (8.0, 0.018)

    References
    ----------
    Friedman, M. (1937). The use of ranks to avoid the assumption of normality implicit in the analysis of variance.
    """
    from scipy.special import chdtrc

    ranks = ranks_of(_table(table))
    n, k = ranks.shape
    spread = float(((ranks - (k + 1) / 2) ** 2).sum())
    if spread == 0:
        return Tested(0.0, 1.0)
    statistic = float(n * (k - 1) * (n * (ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum() / spread)
    return Tested(statistic, float(chdtrc(k - 1, statistic)))


def over_data_sets(table: Any, names: Sequence[str], *, method: str = "wilcoxon_holm", alpha: float = 0.05) -> Ranked:
    """Which detectors are told apart by their figures on many data sets.

    Parameters
    ----------
    table : (n_sets, n_detectors)
        One figure of each detector on each data set, higher is better; no NaN.
    names
        Of the detectors.
    method
        "wilcoxon_holm": signed ranks of each pair, corrected by Holm; the answer for two does not hang on which others
        are in the table. "nemenyi": mean ranks against one critical difference; more cautious, and well known.
    alpha
        Chance that any two that are alike are told apart.

    Raises
    ------
    DataError
        Fewer than two data sets or two detectors, NaN, or another number of names.

    Examples
    --------
    >>> import numpy as np
    >>> table = np.random.default_rng(0).normal([0.9, 0.89, 0.7], 0.02, (12, 3))
    >>> found = over_data_sets(table, ["forest", "boosting", "one_rule"], method="nemenyi")
    >>> found.groups, round(found.critical_difference, 2)
    ((('forest', 'boosting'),), 0.96)

    References
    ----------
    Demšar, J. (2006). Statistical comparisons of classifiers over multiple data sets.
    Benavoli, A., Corani, G. & Mangili, F. (2016). Should we really use post-hoc tests based on mean-ranks?
    """
    check("over_data_sets", {"alpha": Between(0, 1, open_low=True, open_high=True)}, {"alpha": alpha})
    if method not in ("wilcoxon_holm", "nemenyi"):
        raise ParameterError(f"there is no method {method!r}", mend="give 'wilcoxon_holm' or 'nemenyi'")
    figures = _table(table)
    n, k = figures.shape
    if len(names) != k:
        raise DataError("names and columns differ in number", where=f"{len(names)} names, {k} columns")
    mean_ranks = ranks_of(figures).mean(axis=0)
    order = np.argsort(mean_ranks, kind="stable")
    figures, mean_ranks, ordered = figures[:, order], mean_ranks[order], [str(names[j]) for j in order]
    all_alike = friedman(figures)
    difference = float("nan")
    if method == "nemenyi":
        difference, p_values = _nemenyi(mean_ranks, n, alpha)
    else:
        p_values = _wilcoxon_holm(figures)
    notes = [f"the test of all together does not say that any differ (p = {all_alike.p_value:.2g})"]
    notes = notes if all_alike.p_value > alpha else []
    if method == "wilcoxon_holm" and n < _FEWEST_SETS:
        notes.append(f"{n} data sets are too few for signed ranks to tell any two apart: {_FEWEST_SETS} are needed")
    return Ranked(
        tuple(ordered),
        mean_ranks,
        all_alike,
        difference,
        p_values,
        groups_alike(ordered, p_values, alpha),
        tuple(notes),
    )


def _table(table: Any) -> Matrix:
    figures = np.asarray(table, np.float64)
    if figures.ndim != 2 or min(figures.shape) < 2 or np.isnan(figures).any():
        raise DataError(
            "a comparison over data sets needs a figure of each detector on each of two data sets or more",
            where=f"table of shape {figures.shape}, {int(np.isnan(figures).sum())} missing",
            mend="leave out data sets on which a detector failed, or detectors that failed",
        )
    return figures


def ranks_of(figures: Matrix) -> Matrix:
    """Rank of each detector on each data set, 1 for the highest figure; ties share their mean rank."""
    from scipy.stats import rankdata

    ranks: Matrix = rankdata(-figures, axis=1)
    return ranks


def _nemenyi(mean_ranks: Vector, n: int, alpha: float) -> tuple[float, Matrix]:
    from scipy.stats import studentized_range

    k = len(mean_ranks)
    unit = np.sqrt(k * (k + 1) / (6 * n))
    gap = np.abs(mean_ranks[:, None] - mean_ranks[None, :])
    p_values = np.asarray(studentized_range.sf(gap / unit * np.sqrt(2), k, np.inf))
    p_values[gap == 0] = 1.0
    return float(studentized_range.ppf(1 - alpha, k, np.inf) / np.sqrt(2) * unit), p_values


def _wilcoxon_holm(figures: Matrix) -> Matrix:
    from scipy.stats import wilcoxon

    k = figures.shape[1]
    pairs = list(combinations(range(k), 2))
    plain = []
    for i, j in pairs:
        gap = figures[:, i] - figures[:, j]
        plain.append(float(wilcoxon(gap, method="exact" if _is_plain(gap) else "approx").pvalue) if gap.any() else 1.0)
    p_values = np.ones((k, k))
    for (i, j), p in zip(pairs, holm(np.array(plain)), strict=True):
        p_values[i, j] = p_values[j, i] = p
    return p_values


def _is_plain(gap: Vector) -> bool:
    """Few pairs without ties: all signs can be counted out."""
    return bool(len(gap) <= 50 and gap.all() and len(np.unique(np.abs(gap))) == len(gap))


def groups_alike(names: Sequence[str], p_values: Matrix, alpha: float) -> tuple[tuple[str, ...], ...]:
    """Largest runs of neighbours none of which is told apart from another."""
    found: list[tuple[int, int]] = []
    for i in range(len(names)):
        end = i
        while end + 1 < len(names) and (p_values[i : end + 2, i : end + 2] > alpha).all():
            end += 1
        if end > i and not (found and found[-1][1] >= end):
            found.append((i, end))
    return tuple(tuple(names[a : b + 1]) for a, b in found)
