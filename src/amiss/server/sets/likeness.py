"""Some rows of a set that others are compared with: normal ones, and the worst."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.frame import Frame
from amiss.pipeline.network_result import NetworkResult
from amiss.pipeline.result import Result

__all__ = ["save_likeness"]

_MOST_NORMAL, _MOST_ODD = 4000, 500
_MOST_VALUES = 4_000_000
_DRAWN = 1500


def save_likeness(
    result: Result | NetworkResult, folder: Path, rows: Frame, scores: npt.NDArray[Any], flags: npt.NDArray[np.bool_]
) -> None:
    """Write which rows are kept to compare with and to draw, and what a detector sees of the normal ones."""
    random = np.random.default_rng(0)
    normal, odd = np.flatnonzero(~flags), np.flatnonzero(flags)
    n_features = 1 if isinstance(result, NetworkResult) else max(1, len(result.model.preparation.features))
    most = min(_MOST_NORMAL, max(10, _MOST_VALUES // n_features), len(normal))
    normal = np.sort(random.choice(normal, most, replace=False))
    worst = odd[np.argsort(-np.nan_to_num(scores[odd], nan=-np.inf), kind="stable")[:_MOST_ODD]]
    drawn = random.permutation(normal)[:_DRAWN]
    np.save(folder / "sampled.npy", np.concatenate([worst, drawn]).astype(np.int64))
    if isinstance(result, Result):
        # The rows as they came: names that we have given to columns of the data are taken back.
        X = result.model.preparation.transform(result.rows_at(normal))
        np.save(folder / "normal_rows.npy", normal.astype(np.int64))
        np.save(folder / "normal_X.npy", X)
