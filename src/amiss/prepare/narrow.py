"""Columns that are ranked by, chosen from rows that are learnt from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.schema import Schema
from amiss.core.summary import Matrix
from amiss.prepare.selection import METHODS, select

__all__ = ["SELECTIONS", "SELECTIONS_BY_LABELS", "chosen_features", "narrowed"]

SELECTIONS = tuple(method for method in METHODS if method != "permutation")
"""Those that need no fitted detector."""
SELECTIONS_BY_LABELS = ("mutual_information", "l1", "model")


def chosen_features(X: Matrix, y: Any, method: str, seed: int) -> npt.NDArray[np.int64]:
    """Places of the features that a `method` of `SELECTIONS` chooses by prepared rows and their labels, or None."""
    kinds = None if y is None else (y > 0 if method == "l1" else y)
    return select(X, kinds, method=method, seed=seed).chosen


def narrowed(schema: Schema, chosen: Collection[str]) -> Schema:
    """The schema with all other columns that could be ranked by left out."""
    columns = [
        msgspec.structs.replace(column, role="ignored", note="not chosen by the selection of columns")
        if column.role in ("number", "category") and column.name not in chosen
        else column
        for column in schema.columns
    ]
    return Schema(tuple(columns))
