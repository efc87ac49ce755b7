"""Reads a column of labels: which rows are normal, and of what kind the others are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.label_detector import UNKNOWN

__all__ = ["Labels", "read_label_column"]

_NORMAL = ("normal", "benign", "ok", "good", "healthy", "no", "none", "false", "inlier", "clean", "background", "-")
"""Words for a normal row, the surer ones first."""
_ANOMALY = "anomaly"
_MOST_KINDS = 50
_FEW = 0.5
"""Share of the rows below which labels may name anomalies alone."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of each row.

    Attributes
    ----------
    y : (n_rows,)
        0 for a normal row, 1 … n_kinds for an anomaly of a kind, −1 where nothing is known.
    kinds
        Names of the kinds, the most frequent first; "anomaly" alone where none are told apart.
    notes
        How the labels were read, one sentence each.
    only_anomalies
        No label says of a row that it is normal: the others are rows of which nothing is known.
    """

    y: npt.NDArray[np.int64]
    kinds: tuple[str, ...]
    notes: tuple[str, ...] = ()
    only_anomalies: bool = False

    @property
    def few(self) -> bool:
        """Whether most rows have no label."""
        return bool((self.y == UNKNOWN).mean() > 1 - _FEW)

    def known(self) -> Labels:
        """Those of the rows that have one; a note says how many have none."""
        n_unknown = int((self.y == UNKNOWN).sum())
        if not n_unknown:
            return self
        rows = "1 row without a label is" if n_unknown == 1 else f"{n_unknown:,} rows without a label are"
        return replace(self, y=self.y[self.y != UNKNOWN], notes=(*self.notes, f"{rows} not learnt from"))


def read_label_column(values: Sequence[Any], name: str, normal: str | None = None) -> Labels:
    """Labels from the values of a column as they stand in the data.

    0 and 1, False and True: 1 is an anomaly. −1 and 1: −1 is one, as scikit-learn writes it. Words: the normal rows are
    those of `normal`, or of a word such as "normal" or "benign", and all others are kinds of anomaly. Other whole
    numbers: 0 is normal, or `normal`. Missing values and "" are rows of which nothing is known; where most rows are
    such, and no label is plainly that of normal rows, all labels are anomalies.

    Raises
    ------
    DataError
        It cannot be told which label is normal; there is one label only.
    """
    words = [_word(value) for value in values]
    counts = Counter(word for word in words if word)
    if not counts:
        raise DataError(
            f"label {name!r} has no value in any row", where=f"{len(words):,} rows",
            mend="label rows of both sorts, or leave out the label",
        )  # fmt: skip
    where = f"label {name!r}: {', '.join(f'{word!r} ({n:,})' for word, n in counts.most_common(5))}"
    mostly_unknown = normal is None and sum(counts.values()) < _FEW * len(words)
    chosen, notes = _normal_word(counts, normal, where, mostly_unknown=mostly_unknown)
    kinds = [word for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if word != chosen]
    if not kinds:
        raise DataError(
            "all labels are the same: there is nothing to tell apart",
            where=where,
            mend="give rows of both sorts, or leave out the label",
        )
    if len(kinds) > _MOST_KINDS:
        notes.append(f"label {name!r} names {len(kinds)} kinds, which are too many to tell apart: all are anomalies")
    if len(kinds) == 1 or len(kinds) > _MOST_KINDS:
        number = dict.fromkeys(kinds, 1)
        names: tuple[str, ...] = (kinds[0] if len(kinds) == 1 and kinds[0] not in ("1", "-1", "true") else _ANOMALY,)
    else:
        number, names = {word: k for k, word in enumerate(kinds, start=1)}, tuple(kinds)
    number[chosen] = 0
    y = np.array([number.get(word, UNKNOWN) for word in words], np.int64)
    only_anomalies = bool((y == UNKNOWN).any()) and not (y == 0).any()
    return Labels(y, names, tuple(notes), only_anomalies)


def _word(value: Any) -> str:
    """A label as a word: 1, 1.0 and True are not told apart from "1" and "true"."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool | np.bool_):
        return "1" if value else "0"
    if isinstance(value, int | float | np.number):
        return f"{float(value):g}"
    word = str(value).strip().rstrip(".")
    return {"true": "1", "false": "0"}.get(word.casefold(), word)


def _normal_word(
    counts: Counter[str], normal: str | None, where: str, *, mostly_unknown: bool
) -> tuple[str, list[str]]:
    if normal is not None:
        word = next((w for w in counts if w.casefold() == _word(normal).casefold()), None)
        if word is None:
            raise DataError(
                f"no row has the label {normal!r}", where=where, mend="give one of the labels that there are"
            )
        return word, []
    if set(counts) == {"-1", "1"}:
        return "1", ["labels −1 and 1: −1 is read as an anomaly, as scikit-learn writes it"]
    if "0" in counts:
        return "0", []
    by_word = {word.casefold(): word for word in counts}
    for known in _NORMAL:
        if known in by_word:
            return by_word[known], []
    if set(counts) == {"1"} or (mostly_unknown and counts):
        # All anomalies.
        return "0", []
    raise DataError(
        "it cannot be told which label is normal", where=where, mend="say it: --normal WORD, or normal= in Python"
    )
