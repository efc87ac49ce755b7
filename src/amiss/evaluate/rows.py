"""The joint test on two tables: which rows are taken, and how its outcome is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from amiss.core.schema import ColumnSchema
from amiss.core.summary import Vector
from amiss.evaluate.joint import Separation, separate, tied_ranks
from amiss.evaluate.side import Side, plain_kind

__all__ = ["MARKS_AUC", "compare_rows"]

MARKS_AUC = (0.6, 0.7)
"""A normal column that moves by 0.36 and by 0.74 standard deviations has these AUCs."""
_FEWEST_ROWS = 50
_MOST_ROWS = 5000
_MOST_CELLS = 400_000
_LARGEST_RATIO = 10
_MOST_KINDS = 254
_N_BLOCKS = 5
_N_RANKS = 127


def compare_rows(
    numbers: Sequence[ColumnSchema], categories: Sequence[str], a: Side, b: Side, *, alpha: float, seed: int
) -> tuple[Separation, int, int] | None:
    """The joint test and the rows of each side that it took; None where there are too few rows or columns."""
    n_columns = len(numbers) + len(categories)
    n_fewer = min(a.sample.n_rows, b.sample.n_rows)
    if n_fewer < _FEWEST_ROWS or not n_columns:
        return None
    most = min(max(_MOST_CELLS // n_columns, 500), _MOST_ROWS, _LARGEST_RATIO * n_fewer)
    random = np.random.default_rng(seed)
    taken = tuple(np.sort(random.choice(side.sample.n_rows, min(most, side.sample.n_rows), False)) for side in (a, b))
    X = np.stack(
        [_ranks(np.concatenate([side.numbers(c)[rows] for side, rows in zip((a, b), taken, strict=True)]))
         for c in numbers]
        + [_codes(name, a, b, taken) for name in categories],
        axis=1,
    )  # fmt: skip
    ordered = a.moments is not None and b.moments is not None
    blocks = [_blocks(side, rows, ordered, random) for side, rows in zip((a, b), taken, strict=True)]
    n_a, n_b = len(taken[0]), len(taken[1])

    def worth(scores: Vector, is_b: bool) -> float:
        whole = np.full((b if is_b else a).sample.n_rows, np.nan)
        whole[taken[is_b]] = scores
        return (b if is_b else a).worth(whole)

    found = separate(
        X,
        np.arange(n_a + n_b) >= n_a,
        np.concatenate(blocks),
        is_category=np.arange(n_columns) >= len(numbers),
        worth=worth if ordered else None,
        explain_below=alpha,
        seed=seed,
    )
    return found, n_a, n_b


def _ranks(values: Vector) -> Vector:
    """Trees see order only: ranks spare them immense values, and few different ones the search for bins."""
    there = ~np.isnan(values)
    ranks = np.full(len(values), np.nan)
    ranks[there] = np.floor(tied_ranks(values[there])[0] * _N_RANKS / (there.sum() + 1))
    return ranks


def _codes(name: str, a: Side, b: Side, taken: tuple[npt.NDArray[np.intp], ...]) -> Vector:
    own = [side.sample.counts(name) for side in (a, b)]
    counts: dict[str, int] = {}
    for kinds in own:
        for kind, n in kinds.items():
            counts[plain_kind(kind)] = counts.get(plain_kind(kind), 0) + n
    known = sorted(counts, key=lambda kind: (-counts[kind], kind))[:_MOST_KINDS]
    place = {kind: float(k) for k, kind in enumerate(known)}
    codes = []
    for side, kinds, rows in zip((a, b), own, taken, strict=True):
        lookup = np.array([*(place.get(plain_kind(kind), _MOST_KINDS) for kind in kinds), np.nan])
        codes.append(lookup[side.sample.codes(name, list(kinds))[rows]])  # missing is −1: the last
    return np.concatenate(codes)


def _blocks(
    side: Side, rows: npt.NDArray[np.intp], ordered: bool, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Five equal blocks: one after another in time, or at random."""
    if ordered and side.moments is not None:
        order = np.argsort(side.moments[rows], kind="stable")
    else:
        order = random.permutation(len(rows))
    block = np.empty(len(rows), np.int64)
    block[order] = np.arange(len(rows)) * _N_BLOCKS // len(rows)
    return block
