"""Intervals of figures by redrawing the rows: weights on levels of the score, so that nothing is sorted anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.truth import Flags, Rows

__all__ = ["Draws", "Figure", "area_figure", "figure", "group_codes", "levels_of"]

_MOST_LEVELS = 2048
_MOST_GROUPS = 5000
"""Beyond so many, groups are put together at random: the sums stay independent, and the work bounded."""
_END = 0.5
"""Rows added to each class at the highest and at the lowest level: a share then has Jeffreys' interval."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its interval; all three are NaN where it is not defined.

    Attributes
    ----------
    value
        Of the rows as they are.
    low, high
        Ends of the interval; `value` is always inside.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_short(self.value)} ({_short(self.low)}–{_short(self.high)})"


def figure(value: float, draws: Vector, level: float = 0.95) -> Figure:
    """A figure with the middle `level` of its redrawn values.

    Examples
    --------
    >>> import numpy as np
    >>> print(figure(0.5, np.linspace(0.2, 0.8, 601)))
    .50 (.22–.79)
    """
    told = draws[~np.isnan(draws)]
    if np.isnan(value) or not len(told):
        return Figure(float(value), float("nan"), float("nan"))
    low, high = np.quantile(told, [(1 - level) / 2, (1 + level) / 2])
    return Figure(float(value), float(min(low, value)), float(max(high, value)))


def area_figure(value: float, draws: Vector, level: float = 0.95) -> Figure:
    """An area in [0, 1] with its interval, symmetric on the scale of log(area / (1 − area)).

    Close to 1 the redrawn areas are skewed, and their middle part covers the true area too seldom; this does not.

    Examples
    --------
    >>> import numpy as np
    >>> print(area_figure(0.9, np.random.default_rng(0).beta(90, 10, 1000)))
    .90 (.83–.95)
    """
    from scipy.special import expit, logit, ndtri

    told = logit(np.clip(draws[~np.isnan(draws)], 1e-9, 1 - 1e-9))
    if np.isnan(value) or not len(told):
        return figure(value, draws, level)
    at = float(logit(np.clip(value, 1e-9, 1 - 1e-9)))
    # At 0 and at 1 the area itself has no place on this scale.
    middle = (at + told.mean()) / 2 if 0 < value < 1 else told.mean()
    reach = ndtri((1 + level) / 2) * told.std()
    return Figure(float(value), float(min(expit(middle - reach), value)), float(max(expit(middle + reach), value)))


def levels_of(labels: Flags, scores: Vector, most: int = _MOST_LEVELS) -> tuple[Rows, int]:
    """The level of each row, 0 for the highest score, and how many there are.

    Rows of one score have one level. Where there are more scores than `most`, neighbouring ones share a level: half of
    the borders part either class evenly, half lie ever closer towards its highest scores.
    """
    values, place = np.unique(scores, return_inverse=True)
    place = len(values) - 1 - place.reshape(-1)
    if len(values) <= most:
        return place, len(values)
    borders = []
    for rows in (labels, ~labels):
        if rows.any():
            ordered = np.sort(place[rows])
            n, share = len(ordered), most // 4
            steps = np.concatenate([np.linspace(0, n - 1, share), np.geomspace(1, n, share) - 1])
            borders.append(ordered[steps.astype(np.int64)])
    level = np.searchsorted(np.unique(np.concatenate(borders)), place, side="left")
    different, packed = np.unique(level, return_inverse=True)
    return packed.reshape(-1), len(different)


def group_codes(groups: Any, n_rows: int, name: str = "groups") -> Rows:
    """Number of the group of each row, from 0.

    Raises
    ------
    DataError
        Another length than `n_rows`.
    """
    given = np.asarray(groups)
    if given.shape != (n_rows,):
        raise DataError(
            f"{name} and rows differ in length",
            where=f"{n_rows:,} rows, {name} of shape {given.shape}",
            mend="give one group a row",
        )
    if given.dtype.kind == "O":
        given = given.astype(str)
    codes: Rows = np.unique(given, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return codes


class Draws:
    """Redraws rows of each class, the share of anomalies held: a Bayesian bootstrap.

    Each row, or each group of rows, has an exponential weight. To each class half a row is added at its highest and at
    its lowest level, so that the interval of a share, however close to 0 or 1, is that of Jeffreys, and a perfect
    ranking of five anomalies is not called certain.

    Parameters
    ----------
    labels : (n_rows,)
        True for an anomaly.
    groups : (n_rows,) of int or None
        Rows that hang together and are drawn together: an entity, a stretch of time.
    n_draws
        How often.
    seed
        Of the weights.

    References
    ----------
    Rubin, D. B. (1981). The Bayesian bootstrap.
    Brown, L. D., Cai, T. T. & DasGupta, A. (2001). Interval estimation for a binomial proportion.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.arange(200) < 20
    >>> draws = Draws(labels, None, 1000, 0)
    >>> print(figure(1.0, draws.share(labels, labels)))  # 20 of 20 found
    1.00 (.88–1.00)
    """

    def __init__(self, labels: Flags, groups: Rows | None, n_draws: int, seed: int) -> None:
        self.labels, self.n_draws = labels, n_draws
        self._random = np.random.default_rng(seed)
        self._groups, self._given = groups, groups if groups is not None else np.empty(0, np.int64)
        if groups is not None:
            n_groups = int(groups.max()) + 1
            if n_groups > _MOST_GROUPS:
                self._groups = self._random.integers(0, _MOST_GROUPS, n_groups)[groups]
                n_groups = _MOST_GROUPS
            # Of so few groups the plain weights would vary too little.
            shape = max(1.0 - 2.0 / n_groups, 0.25)
            self._weights = self._random.standard_gamma(shape, (n_draws, n_groups)) / shape

    def share(self, flags: Flags, among: Flags) -> Vector:
        """Share of the rows of `among` that are flagged: (n_draws,); NaN where there is none."""
        chosen = flags[among]
        n, found = len(chosen), int(chosen.sum())
        if self._groups is None and n:
            from scipy.special import betaincinv

            # Evenly spread chances in random order: the ends of the interval are then those of Jeffreys themselves.
            chances = (self._random.permutation(self.n_draws) + 0.5) / self.n_draws
            drawn: Vector = betaincinv(found + _END, n - found + _END, chances)
            return drawn
        return self._masses(np.where(chosen, 0, 1), 2, among, alike=found in (0, n))[:, 0]

    def curves(self, levels: Rows, n_levels: int) -> tuple[Matrix, Matrix]:
        """Share of the anomalies, and of the normal rows, at each level: two of (n_draws, n_levels)."""
        found, false = levels[self.labels], levels[~self.labels]
        parted = bool(len(found) and len(false)) and (found.max() < false.min() or false.max() < found.min())
        anomalies = self._masses(found, n_levels, self.labels, alike=parted)
        return anomalies, self._masses(false, n_levels, ~self.labels, alike=parted)

    def _masses(self, levels: Rows, n_levels: int, among: Flags, *, alike: bool) -> Matrix:
        if not len(levels):
            return np.full((self.n_draws, n_levels), np.nan)
        if self._groups is None:
            counts = np.bincount(levels, minlength=n_levels).astype(np.float64)
            counts[0] += _END
            counts[-1] += _END
            masses = self._random.standard_gamma(counts, (self.n_draws, n_levels))
        else:
            # Where no group differs from another, rows may hang together wholly: half a group is added, not half a row.
            added = len(levels) / len(np.unique(self._given[among])) if alike else 1.0
            masses = self._of_groups(levels, n_levels, self._groups[among], added)
        shares: Matrix = masses / masses.sum(axis=1, keepdims=True)
        return shares

    def _of_groups(self, levels: Rows, n_levels: int, groups: Rows, added: float) -> Matrix:
        from scipy.sparse import csr_matrix

        counts = csr_matrix((np.ones(len(levels)), (levels, groups)), shape=(n_levels, self._weights.shape[1]))
        masses: Matrix = np.asarray(counts @ self._weights.T).T
        for end in (0, -1):
            masses[:, end] += added * self._random.standard_gamma(_END, self.n_draws)
        return masses


def _short(value: float) -> str:
    """A figure between −1 and 1 without the zero before the point; more digits close to 0 and to 1."""
    if np.isnan(value):
        return "—"
    size = abs(value)
    if size > 1:
        return f"{value:,.3g}"
    digits = 2 if 0.0995 <= size <= 0.99 or size in (0.0, 1.0) else 3 if size >= 0.00995 else 4
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if size < 1 and size > 0 and not text.lstrip("-").startswith("1") else text
