"""Values that stay where they are for longer than is usual: the compiled loop and its NumPy twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix
from amiss.kernels import loops

__all__ = ["CHANGES", "FIELDS", "LONGEST", "STUCK", "Usual", "advance_stays"]

RUN, LONGEST, CHANGES, SEEN, STUCK = range(5)
FIELDS = 5
Counts = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Usual:
    """From when on a value is stuck; see `stays.h`."""

    longer: float
    least_run: int
    least_rows: int
    changing: float


def advance_stays(X: Matrix, entity: npt.NDArray[np.int64], last: Matrix, counts: Counts, usual: Usual) -> Counts:
    """Where channels begin (positive) and cease (negative) to be stuck, (n_rows, n_features).

    Parameters
    ----------
    X : (n_rows, n_features)
        C-contiguous, finite or NaN.
    entity : (n_rows,)
        From 0, below the number of entities.
    last : (n_entities, n_features)
        Values before; NaN for none. Written to.
    counts : (n_entities, n_features, 5)
        Zeros for an entity of which nothing is known. Written to.
    usual
        From when on a value is stuck.
    """
    moves = np.zeros(X.shape, np.int32)
    if not loops.compiled():
        _advance(X, entity, last, counts, usual, moves)
        return moves
    loops.lib.amiss_stays(
        loops.address(X), loops.address(entity), len(X), X.shape[1], usual.longer, usual.least_run, usual.least_rows,
        usual.changing, loops.address(last), loops.address(counts), loops.address(moves),
    )  # fmt: skip
    return moves


def _advance(
    X: Matrix, entity: npt.NDArray[np.int64], last: Matrix, counts: Counts, usual: Usual, moves: Counts
) -> None:
    for i, row in enumerate(X.tolist()):
        for j, x in enumerate(row):
            if x != x:
                continue
            c = counts[entity[i], j]
            c[SEEN] += 1
            if x == last[entity[i], j]:
                c[RUN] += 1
                n = int(c[RUN]) + 1
                enough = n >= usual.least_run and c[SEEN] >= usual.least_rows
                if not c[STUCK] and enough and n >= usual.longer * (c[LONGEST] + 1.0):
                    c[STUCK] = c[CHANGES] >= usual.changing * c[SEEN]
                    moves[i, j] = n * c[STUCK]
                continue
            if c[STUCK]:
                moves[i, j] = -(int(c[RUN]) + 1)
            else:
                c[LONGEST] = max(c[LONGEST], c[RUN])
            c[STUCK] = c[RUN] = 0
            c[CHANGES] += 1
            last[entity[i], j] = x
