"""How well one column alone tells the anomalies, on rows that were not looked at: so that chance does not accuse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.schema import Schema
from amiss.core.summary import Vector
from amiss.evaluate.ranking import auc_roc
from amiss.evaluate.splits import Folds, stratified_folds
from amiss.evaluate.truth import Flags, Rows

__all__ = ["Telling", "column_values", "halves_of", "rows_to_look_at", "telling", "values_of"]

_MOST_ROWS = 20_000
_MOST_BINS = 512
_ROWS_A_BIN = 20


@dataclass(frozen=True, slots=True)
class Telling:
    """One column against the label.

    Attributes
    ----------
    auc
        Chance that the column, read as well as it can be, puts an anomaly above a normal row; 0.5 says nothing.
    low
        What the AUC is at least, in 99 of 100 tables, over all columns together.
    """

    auc: float
    low: float


def column_values(frame: Frame, name: str) -> tuple[Vector, bool]:
    """A column as numbers, NaN where missing, and whether they only number its kinds."""
    kind = frame.kind(name)
    if kind in ("number", "time"):
        return frame.numbers(name), False
    if kind == "text":
        as_numbers = frame.numbers(name)
        if np.isnan(as_numbers).mean() <= 0.5 and not (np.isnan(as_numbers) & ~frame.missing(name)).any():
            return as_numbers, False
    codes = frame.codes(name, list(frame.counts(name))).astype(np.float64)
    codes[codes < 0] = np.nan
    return codes, True


def values_of(frame: Frame, schema: Schema) -> dict[str, tuple[Vector, bool]]:
    """All columns that say anything, each as `column_values`."""
    names = [c.name for c in schema.columns if c.role not in ("empty", "constant") and c.name in frame.names]
    return {name: column_values(frame, name) for name in names if frame.kind(name) != "nested"}


def rows_to_look_at(labels: Flags, seed: int) -> Rows:
    """At most 20,000 rows, half of them anomalies where there are so many: ascending."""
    random, taken = np.random.default_rng(seed), []
    n_anomalies = int(labels.sum())
    most = min(n_anomalies, max(_MOST_ROWS // 2, _MOST_ROWS - (len(labels) - n_anomalies)))
    for rows, n in ((np.flatnonzero(labels), most), (np.flatnonzero(~labels), _MOST_ROWS - most)):
        taken.append(random.choice(rows, min(n, len(rows)), replace=False))
    return np.sort(np.concatenate(taken))


def telling(values: Vector, is_kind: bool, labels: Flags, halves: Folds, n_columns: int = 1) -> Telling:
    """How well `values` alone tell the labels: learnt on one half, judged on the other, both ways.

    What is learnt is the share of anomalies in each of up to 512 bins, or of each kind; so any shape of dependence is
    found, not only a rising one.

    Parameters
    ----------
    values : (n_rows,)
        Numbers, NaN where missing.
    is_kind
        They number kinds: each is a bin of its own.
    labels : (n_rows,)
        1 for an anomaly.
    halves
        Two folds that part no identical rows.
    n_columns
        How many columns are looked at: the bound is corrected for them.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> labels = np.arange(2000) % 10 == 0
    >>> halves = stratified_folds(labels, n_folds=2)
    >>> found = telling(np.abs(random.normal(size=2000)) * np.where(labels, -1, 1), False, labels, halves)
    >>> found.auc > 0.99
    True
    >>> found = telling(random.normal(size=2000), False, labels, halves)
    >>> found.low < 0.5 < found.auc + 0.1
    True
    """
    aucs = []
    for split in halves:
        learn, test = split.train, split.test
        place, n_bins = _binned(values, learn, is_kind)
        n = np.bincount(place[learn], minlength=n_bins)
        found = np.bincount(place[learn], labels[learn], n_bins)
        share = (found + labels[learn].mean()) / (n + 1.0)
        aucs.append(auc_roc(labels[test], share[place[test]]))
    auc = float(np.mean(aucs))
    return Telling(auc, auc - _reach(auc, int(labels.sum()), int((~labels).sum()), n_columns))


def halves_of(labels: Flags, rows: np.ndarray, seed: int) -> Folds:
    """Two halves in which identical rows stay together.

    Raises
    ------
    DataError
        Too few anomalies, or normal rows, for both halves to have one.
    """
    halves = stratified_folds(labels, n_folds=2, X=rows, seed=seed)
    if halves.notes:
        raise DataError("too few anomalies or normal rows that differ to look at halves", where=halves.notes[0])
    return halves


def _binned(values: Vector, learn: Rows, is_kind: bool) -> tuple[Rows, int]:
    missing = np.isnan(values)
    if is_kind:
        place = np.where(missing, -1, np.nan_to_num(values)).astype(np.int64) + 1
        return place, int(place.max()) + 1
    known = values[learn][~missing[learn]]
    if not len(known):
        return np.zeros(len(values), np.int64), 1
    n_bins = int(np.clip(len(known) // _ROWS_A_BIN, 8, _MOST_BINS))
    ends = np.unique(np.quantile(known, np.linspace(0, 1, n_bins + 1)[1:-1], method="inverted_cdf"))
    # A value that fills a bin alone is one, whatever lies just below it.
    place = 2 * np.searchsorted(ends, values, side="left") + np.isin(values, ends) + 1
    return np.where(missing, 0, place), 2 * len(ends) + 3


def _reach(auc: float, n_anomalies: int, n_normal: int, n_columns: int) -> float:
    """How far below the AUC its bound lies (Hanley and McNeil, 1982); some way even where all rows are in order."""
    from scipy.special import ndtri

    fewer = min(n_anomalies, n_normal)
    a = (auc * fewer + 0.25) / (fewer + 0.5)
    first, second = a / (2 - a), 2 * a * a / (1 + a)
    spread = a * (1 - a) + (n_anomalies - 1) * (first - a * a) + (n_normal - 1) * (second - a * a)
    return float(ndtri(1 - 0.01 / n_columns) * np.sqrt(max(spread, 0.0) / (n_anomalies * n_normal)) + abs(auc - a))
