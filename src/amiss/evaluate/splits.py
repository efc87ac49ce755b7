"""Splits into training and test rows that refuse leakage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.params import Between, Whole, check
from amiss.core.summary import Vector
from amiss.evaluate.draws import group_codes
from amiss.evaluate.events import seconds_of
from amiss.evaluate.truth import Flags, Rows, as_flags

__all__ = ["Folds", "Split", "forward_folds", "official_split", "repeated_rows", "stratified_folds", "together"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to learn from and rows to be judged on, both ascending, none in both."""

    train: Rows
    test: Rows


@dataclass(frozen=True, slots=True)
class Folds:
    """Splits of one table.

    Attributes
    ----------
    splits
        One or more.
    kind
        "stratified", "forward" or "official".
    notes
        What could not be had, and why.
    """

    splits: tuple[Split, ...]
    kind: str
    notes: tuple[str, ...]

    def __iter__(self) -> Iterator[Split]:
        return iter(self.splits)

    def __len__(self) -> int:
        return len(self.splits)


def stratified_folds(
    labels: Any,
    *,
    n_folds: int = 5,
    X: Any = None,
    groups: Any = None,
    kinds: Any = None,
    seed: int = 0,
) -> Folds:
    """Folds with like shares of anomalies, and of their kinds, in which rows that belong together stay together.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row.
    n_folds
        How many; each row is in the test rows of exactly one.
    X : (n_rows, n_features)
        The prepared rows without the label: identical ones stay in one fold.
    groups : (n_rows,)
        Rows of one group stay in one fold.
    kinds : (n_rows,)
        What each row is, to share out rare kinds evenly too.
    seed
        Of the order in which rows are dealt.

    Raises
    ------
    DataError
        Fewer rows, or fewer things that can be parted, than folds.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(20).reshape(-1, 1) // 2  # each row is there twice
    >>> folds = stratified_folds(np.arange(20) < 6, n_folds=3, X=X)
    >>> [split.test.tolist() for split in folds]
    [[0, 1, 6, 7, 14, 15, 18, 19], [4, 5, 8, 9, 16, 17], [2, 3, 10, 11, 12, 13]]
    """
    check("stratified_folds", {"n_folds": Whole(2), "seed": Whole(0)}, {"n_folds": n_folds, "seed": seed})
    truth = as_flags(labels)
    units = together(len(truth), X=X, groups=groups)
    n_units = int(units.max()) + 1
    if n_units < n_folds:
        raise DataError(
            f"{n_folds} folds need as many rows or groups that differ, here are {n_units:,}",
            where=f"{len(truth):,} rows", mend="ask for fewer folds, or give finer groups",
        )  # fmt: skip
    classes = truth.astype(np.int64)
    if kinds is not None:
        classes = classes + 2 * group_codes(kinds, len(truth), "kinds")
    classes = np.unique(classes, return_inverse=True)[1].reshape(-1)
    fold = _deal(classes, truth, units, n_folds, np.random.default_rng(seed))[units]
    splits = tuple(Split(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds))
    return Folds(splits, "stratified", tuple(_without(truth, splits)))


def forward_folds(
    labels: Any,
    time: Any,
    *,
    n_folds: int = 5,
    gap_seconds: float = 0.0,
    groups: Any = None,
) -> Folds:
    """Folds that only ever learn from the past: the rows before a moment, judged on the stretch that follows.

    The table is cut into `n_folds` + 1 stretches of time with about as many rows each; where one would have no
    anomaly, stretches are cut by rows and anomalies alike, or by anomalies alone. Rows of one moment stay together.

    Parameters
    ----------
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row.
    time : (n_rows,)
        As dates or in seconds, in any order.
    n_folds
        How many stretches are judged.
    gap_seconds
        Rows so close before the first test row are left out of training: windows and memory reach over the border.
    groups : (n_rows,)
        Groups that must not be in both: their rows are left out of training where they are in the test.

    Raises
    ------
    DataError
        Too few moments for so many folds, or a gap that leaves nothing to learn from.

    Examples
    --------
    >>> folds = forward_folds([0, 0, 1, 0, 0, 1, 0, 1], range(8), n_folds=3, gap_seconds=1)
    >>> [(split.train.tolist(), split.test.tolist()) for split in folds]
    [([0], [2, 3]), ([0, 1, 2], [4, 5]), ([0, 1, 2, 3, 4], [6, 7])]
    """
    check(
        "forward_folds", {"n_folds": Whole(1), "gap_seconds": Between(0)},
        {"n_folds": n_folds, "gap_seconds": gap_seconds},
    )  # fmt: skip
    truth = as_flags(labels)
    clock = seconds_of(time, len(truth))
    codes = None if groups is None else group_codes(groups, len(truth))
    weights = [np.ones(len(truth))]
    if truth.any():
        weights += [1 / len(truth) + truth / truth.sum(), truth.astype(np.float64)]
    stretch = min((_stretches(clock, each, n_folds + 1) for each in weights), key=lambda s: _poor(s, truth, n_folds))
    if len(np.unique(stretch)) <= n_folds:
        raise DataError(
            f"time has too few different moments for {n_folds} folds",
            where=f"{len(np.unique(clock)):,} moments", mend="ask for fewer folds",
        )  # fmt: skip
    splits = []
    for k in range(1, n_folds + 1):
        test = stretch == k
        # A row of the very moment at which the test begins is none of the past.
        train = clock < clock[test].min() - gap_seconds
        if codes is not None:
            train &= ~np.isin(codes, codes[test])
        if not train.any():
            raise DataError(
                "a gap or groups leave no row to learn from", where=f"fold {k} of {n_folds}",
                mend="give a shorter gap, fewer folds or finer groups",
            )  # fmt: skip
        splits.append(Split(np.flatnonzero(train), np.flatnonzero(test)))
    return Folds(tuple(splits), "forward", tuple(_without(truth, splits)))


def official_split(train_labels: Any, test_labels: Any, *, X_train: Any = None, X_test: Any = None) -> Folds:
    """The split that two files give, as rows of the one table that they make together, training first.

    It is kept as it is, so that figures can be compared with published ones; how many test rows are in training too,
    and with which labels, is said in the notes.

    Examples
    --------
    >>> folds = official_split([0, 1, 0], [0, 1], X_train=[[1], [2], [3]], X_test=[[1], [4]])
    >>> folds.splits[0].test.tolist(), folds.notes
    ([3, 4], ('1 of 2 test rows (50.0%) is in the training file too, 0 of them with another label',))
    """
    train, test = as_flags(train_labels), as_flags(test_labels)
    n = len(train)
    splits = (Split(np.arange(n), np.arange(n, n + len(test))),)
    notes = _without(np.concatenate([train, test]), splits)
    if X_train is not None and X_test is not None:
        unit = repeated_rows(np.concatenate([np.asarray(X_train, np.float64), np.asarray(X_test, np.float64)]))
        known = np.isin(unit[n:], unit[:n])
        if known.any():
            said = [np.isin(unit[n:], unit[:n][train == label]) for label in (False, True)]
            against = known & ~np.where(test, said[1], said[0])
            verb = "is" if known.sum() == 1 else "are"
            notes.append(
                f"{int(known.sum()):,} of {len(test):,} test rows ({known.mean():.1%}) {verb} in the "
                f"training file too, {int(against.sum()):,} of them with another label"
            )
    return Folds(splits, "official", tuple(notes))


def repeated_rows(X: Any) -> Rows:
    """Number of the distinct row that each row is: (n_rows,); identical rows have one number. NaN equals NaN.

    By a 64-bit hash: that two different rows among a million share one has a chance below 1 in 10 million.

    Examples
    --------
    >>> import numpy as np
    >>> repeated_rows([[1.0, np.nan], [2, 3], [1, np.nan]]).tolist()
    [0, 1, 0]
    """
    rows = np.asarray(X, np.float64)
    if rows.ndim != 2:
        raise DataError(f"rows have {rows.ndim} axes, a table has 2", mend="give (n_rows, n_features)")
    hashed = np.zeros(len(rows), np.uint64)
    with np.errstate(over="ignore"):
        for j in range(rows.shape[1]):
            column = rows[:, j] + 0.0  # −0.0 becomes 0.0
            column[np.isnan(column)] = np.nan  # one NaN for all
            value = hashed * _GOLDEN + column.view(np.uint64)
            value = (value ^ (value >> np.uint64(30))) * _MIX
            hashed = value ^ (value >> np.uint64(31))
    _, first, place = np.unique(hashed, return_index=True, return_inverse=True)
    numbered = np.empty(len(first), np.int64)
    numbered[np.argsort(first, kind="stable")] = np.arange(len(first))
    return numbered[place.reshape(-1)]


def together(n_rows: int, *, X: Any = None, groups: Any = None) -> Rows:
    """Number of the unit that each row belongs to: rows that are identical or of one group, and so on from row to row.

    Examples
    --------
    >>> together(4, X=[[1], [2], [2], [3]], groups=["a", "a", "b", "c"]).tolist()  # row 1 is like row 2
    [0, 0, 0, 1]
    """
    if X is None and groups is None:
        return np.arange(n_rows)
    if X is None or groups is None:
        return repeated_rows(X) if groups is None else group_codes(groups, n_rows)
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    alike, codes = repeated_rows(X), group_codes(groups, n_rows)
    size = int(alike.max()) + 1
    n = size + int(codes.max()) + 1
    edges = csr_matrix((np.ones(n_rows), (alike, size + codes)), shape=(n, n))
    part = connected_components(edges, directed=False)[1]
    unit: Rows = np.unique(part[alike], return_inverse=True)[1].reshape(-1)
    return unit


def _deal(classes: Rows, truth: Flags, units: Rows, n_folds: int, random: np.random.Generator) -> Rows:
    """Fold of each unit: large ones first to where they fill up least, then single rows to even out what is left."""
    n_units, n_classes = int(units.max()) + 1, int(classes.max()) + 1
    size = np.bincount(units, minlength=n_units)
    fold = np.full(n_units, -1)
    held = np.zeros((n_folds, n_classes + 1))  # the last: all anomalies, whatever their kind
    total = np.append(np.bincount(classes, minlength=n_classes), max(truth.sum(), 1)).astype(np.float64)
    order = np.argsort(units, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size)])
    many = np.flatnonzero(size > 1)
    for unit in many[np.lexsort((random.random(len(many)), -size[many]))].tolist():
        rows = order[starts[unit] : starts[unit + 1]]
        brought = np.append(np.bincount(classes[rows], minlength=n_classes), truth[rows].sum()) / total
        fold[unit] = int(np.argmin((held / total) @ brought + 1e-9 * held.sum(axis=1)))
        held[fold[unit]] += brought * total
    alone = np.flatnonzero(size == 1)
    row_of = order[starts[alone]]
    for kind in np.argsort(total[:-1], kind="stable"):
        mine = alone[classes[row_of] == kind]
        is_anomaly = bool(truth[classes == kind].any())
        room = _evened(held[:, kind], len(mine), held[:, -1] if is_anomaly else held.sum(axis=1))
        fold[random.permutation(mine)] = np.repeat(np.arange(n_folds), room)
        held[:, kind] += room
        held[:, -1] += room * is_anomaly
    return fold


def _evened(held: Vector, n: int, tie: Vector) -> Rows:
    """How many of `n` rows each fold takes so that all end as equal as can be; those with the least of `tie` first."""
    room = np.zeros(len(held), np.int64)
    order = np.lexsort((tie, held))
    level = held[order]
    for k in range(1, len(held) + 1):
        # Fill the k lowest folds up to the next one's level, as far as the rows reach.
        top = level[k] if k < len(held) else np.inf
        if n <= (top - level[:k]).sum():
            final = (n + level[:k].sum()) / k
            room[order[:k]] = np.maximum(np.floor(final) - level[:k], 0).astype(np.int64)
            spare = order[:k][np.argsort(tie[order[:k]], kind="stable")]
            room[spare[: n - room.sum()]] += 1
            break
    return room


def _stretches(clock: Vector, weights: Vector, n: int) -> Rows:
    """Number of the stretch of each row: `n` of about equal weight, all rows of a moment in one."""
    moments, place = np.unique(clock, return_inverse=True)
    weight = np.bincount(place.reshape(-1), weights, len(moments))
    middle = (np.cumsum(weight) - weight / 2) / weight.sum()
    stretch: Rows = np.minimum((middle * n).astype(np.int64), n - 1)[place.reshape(-1)]
    return stretch


def _poor(stretch: Rows, truth: Flags, n_folds: int) -> int:
    """Stretches without a row, which count most, and those without an anomaly."""
    n_empty, n_without = (int((np.bincount(of, minlength=n_folds + 1) == 0).sum()) for of in (stretch, stretch[truth]))
    return n_empty * (n_folds + 1) + n_without


def _without(truth: Flags, splits: Any) -> list[str]:
    notes = []
    for name, of in (("anomaly", truth), ("normal row", ~truth)):
        for part in ("train", "test"):
            lacking = [k for k, split in enumerate(splits, 1) if not of[getattr(split, part)].any()]
            if lacking:
                folds = f"fold{'s' if len(lacking) > 1 else ''} {', '.join(map(str, lacking))} of {len(splits)}"
                where = "training" if part == "train" else "test"
                notes.append(f"the {where} rows of {folds} hold no {name}")
    return notes
