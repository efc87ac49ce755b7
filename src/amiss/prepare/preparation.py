"""Preparation: robust scaling of numbers, rarity of categories, each entity against itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError, SchemaError
from amiss.core.frame import Frame
from amiss.core.rarity import deviation_of
from amiss.core.schema import Schema
from amiss.core.summary import Matrix, Vector
from amiss.prepare.roles import nearest_name
from amiss.prepare.scales import ROUNDING, robust_scale
from amiss.summaries.table import TableSummary

__all__ = ["FARTHEST", "Preparation"]

_FEWEST_ROWS = 30
"""Rows of an entity from which on it has a location and scale of its own."""
FARTHEST = 1e9
"""Usual deviations at which a value is as far out as can be."""
_MOST_KINDS = 10_000


class Preparation:
    """Turns a frame into a matrix with one comparable feature for each ranked column.

    A number becomes its distance to the median in robust standard deviations, of its entity where there is one; where
    it is missing it stays NaN, or with `fill_missing` becomes the deviation that is as rare as a missing value. A
    category becomes the deviation that is as rare as its kind and all rarer ones together; missing counts as a kind.

    Attributes
    ----------
    numbers, categories : list of str
        Names of the columns, in the order of the features: numbers first.
    location, scale : (n_entities + 1, n_numbers)
        Median and scale by entity, in the column's unit; the last line is for all rows, and unknown entities.
    entities : list of str
        Known entities.
    kinds : list of list of str
        Known kinds of each category.
    share : list of arrays (n_kinds + 2,)
        Share of the rows that each kind has, then an unknown kind, then a missing value.
    rarity : list of arrays (n_kinds + 2,)
        The feature's value for each of them.
    fill : (n_numbers,)
        The feature's value where a number is missing, in robust standard deviations.
    """

    def __init__(self, schema: Schema, *, fill_missing: bool = False) -> None:
        self.schema, self.fill_missing = schema, fill_missing
        self.numbers, self.categories = schema.named("number"), schema.named("category")
        self.entity = schema.first("entity")
        self._reading = {column.name: column.reading for column in schema.columns}
        self.entities: list[str] = []
        self.location: Matrix = np.zeros((1, len(self.numbers)))
        self.scale: Matrix = np.ones((1, len(self.numbers)))
        self.kinds: list[list[str]] = []
        self.share: list[Vector] = []
        self.rarity: list[Vector] = []
        self.fill: Vector = np.zeros(len(self.numbers))

    @property
    def features(self) -> list[str]:
        """Name of the column behind each feature."""
        return self.numbers + self.categories

    @classmethod
    def of(cls, schema: Schema, summary: TableSummary, *, fill_missing: bool = False) -> Preparation:
        """Learn from a table's summary.

        Raises
        ------
        DataError
            No column is left that could be ranked.
        """
        made = cls(schema, fill_missing=fill_missing)
        if not made.features:
            found = ", ".join(f"{c.name!r}: {c.role}" for c in schema.columns[:10])
            raise DataError(
                "no column is left that rows could be ranked by",
                where=found,
                mend="give a number or category column",
            )
        made._learn_numbers(summary.sample)
        made._learn_categories(summary)
        return made

    def _learn_numbers(self, sample: Frame) -> None:
        X = self._raw(sample)
        location, scale = robust_scale(X)
        self.fill = deviation_of(np.maximum(np.isnan(X).mean(axis=0), 0.5 / len(X)))
        places, scales = [], []
        if self.entity is not None:
            self.entities = [e for e, n in sample.counts(self.entity).items() if n >= _FEWEST_ROWS]
            code = sample.codes(self.entity, self.entities)
            for number in range(len(self.entities)):
                # One that never moves within the entity is still measured by what is usual among all.
                own_location, own_scale = robust_scale(X[code == number], fallback=scale)
                places.append(np.where(np.isnan(own_location), location, own_location))
                scales.append(own_scale)
        shape = (len(places) + 1, len(self.numbers))
        self.location = np.array([*places, np.nan_to_num(location)]).reshape(shape)
        self.scale = np.array([*scales, scale]).reshape(shape)

    def _learn_categories(self, summary: TableSummary) -> None:
        sample = summary.sample
        for name in self.categories:
            exact = summary.columns[name].kinds
            # Beyond so many kinds the counts are those of the sample.
            n = max(summary.n_rows if exact is not None else sample.n_rows, 1)
            found = exact if exact is not None else sample.counts(name)
            counts = dict(sorted(found.items(), key=lambda kind: (-kind[1], kind[0]))[:_MOST_KINDS])
            n_missing = summary.columns[name].n_missing * n / max(summary.n_rows, 1)
            share = np.array([*counts.values(), 0.5, max(n_missing, 0.5)]) / n
            self.kinds.append(list(counts))
            self.share.append(share)
            self.rarity.append(_rarity(share))

    def check(self, frame: Frame) -> None:
        """Raise `SchemaError` if a ranked column is not in `frame`, or its numbers have become text."""
        needed = self.features + ([self.entity] if self.entity else [])
        there = set(frame.names)
        for name in needed:
            if name not in there:
                hint = nearest_name(name, frame.names)
                raise SchemaError(
                    f"column {name!r}, which the model has learnt from, is not there",
                    where=f"columns: {', '.join(frame.names[:30])}",
                    mend=f"{hint}give the columns that the model was fitted on",
                )

    def oddities(self, frame: Frame) -> dict[str, tuple[int, int, str]]:
        """Numbers that are there and are none: by column, how many, the row of the first, and its word.

        Raises
        ------
        SchemaError
            Most of a column's values are no numbers.
        """
        found = {}
        for name in self.numbers:
            if frame.kind(name) == "number" and not frame.table.get_column(name).dtype.is_float():
                continue
            odd = np.isnan(self.values(frame, name)) & ~frame.missing(name)
            if not odd.any():
                continue
            first = int(np.argmax(odd))
            word = str(frame.rows(np.array([first])).words(name)[0])
            n_present = int((~frame.missing(name)).sum())
            if frame.kind(name) != "number" and odd.sum() > 0.5 * n_present:
                raise SchemaError(
                    f"column {name!r} is text, a number is needed",
                    where=f"{odd.sum():,} of {n_present:,} values, first in row {frame.first_row + first}: {word!r}",
                    mend="give the column that the model was fitted on",
                )
            found[name] = (int(odd.sum()), frame.first_row + first, word)
        return found

    def _raw(self, frame: Frame) -> Matrix:
        if not self.numbers:
            return np.empty((frame.n_rows, 0))
        return np.stack([self.values(frame, name) for name in self.numbers], axis=1)

    def values(self, frame: Frame, name: str) -> Vector:
        """The numbers of a column, read as the schema says: NaN where there is none."""
        return frame.numbers(name, self._reading[name])

    def entity_codes(self, frame: Frame) -> npt.NDArray[np.int64]:
        """Line of `location` and `scale` for each row."""
        last = len(self.location) - 1
        if self.entity is None:
            return np.full(frame.n_rows, last)
        code = frame.codes(self.entity, self.entities)
        return np.where(code < 0, last, code)

    def transform(self, frame: Frame) -> Matrix:
        """One row of features for each row: (n_rows, n_features), C-contiguous, NaN where a number is missing."""
        out = np.empty((frame.n_rows, len(self.features)))
        code = self.entity_codes(frame)
        shared = len(self.location) == 1
        for j, name in enumerate(self.numbers):
            location = self.location[0, j] if shared else self.location[code, j]
            scale = self.scale[0, j] if shared else self.scale[code, j]
            with np.errstate(over="ignore"):
                gap = self.values(frame, name) - location
                rounding = ROUNDING * np.abs(location)
                if np.any(scale <= 2 * rounding):
                    # Constant but for rounding: whoever scales the features anew must not see it.
                    gap[np.abs(gap) <= rounding] = 0.0
                np.clip(gap / scale, -FARTHEST, FARTHEST, out=out[:, j])
            if self.fill_missing:
                out[np.isnan(out[:, j]), j] = self.fill[j]
        for k, name in enumerate(self.categories):
            kind = frame.codes(name, self.kinds[k])
            out[:, len(self.numbers) + k] = self.rarity[k][kind]
        return out

    def prepared_bounds(
        self, frame: Frame, bounds: Mapping[str, tuple[float | None, float | None]]
    ) -> dict[int, tuple[float, float]]:
        """Lowest and highest values of columns as the features of the one row of a frame, by place of the feature.

        A column that the row has no value in, or that is not ranked as a number, has no place.
        """
        line = int(self.entity_codes(frame)[0])
        found = {}
        for j, name in enumerate(self.numbers):
            low, high = bounds.get(name, (None, None))
            if name in bounds and not np.isnan(self.values(frame, name)[0]):
                place, scale = self.location[line, j], self.scale[line, j]
                # The same steps as in `transform` keep the order of numbers; what is clipped there is beyond any limit.
                farthest = np.nextafter(FARTHEST, 0.0)
                found[j] = (
                    -np.inf if low is None else float(max((low - place) / scale, -farthest)),
                    np.inf if high is None else float(min((high - place) / scale, farthest)),
                )
        return found

    def state(self) -> dict[str, Any]:
        """What has been learnt, as arrays."""
        state: dict[str, Any] = {"location": self.location, "scale": self.scale, "fill": self.fill}
        return state | {f"share.{k}": share for k, share in enumerate(self.share)}

    def words(self) -> dict[str, Any]:
        """What has been learnt, the part that is text."""
        return {"entities": self.entities, "kinds": self.kinds}

    def restore(self, state: dict[str, Any], words: dict[str, Any]) -> Preparation:
        """Take up what another instance with the same schema has learnt."""
        self.location, self.scale, self.fill = state["location"], state["scale"], state["fill"]
        self.entities, self.kinds = list(words["entities"]), [list(kinds) for kinds in words["kinds"]]
        self.share = [state[f"share.{k}"] for k in range(len(self.categories))]
        self.rarity = [_rarity(share) for share in self.share]
        return self


def _rarity(share: Vector) -> Vector:
    """Deviation as rare as each kind: the share of the rows whose kind is at most as common.

    An unknown kind is as likely as the kinds seen once are together: where every tenth row brings a kind of its own,
    the next such row is no news.
    """
    order = np.argsort(share, kind="stable")
    up_to = np.cumsum(share[order])
    # Kinds that are equally common are equally rare: each counts all of them.
    last_alike = np.searchsorted(share[order], share, side="right") - 1
    rare = np.minimum(up_to[last_alike], 1.0)
    unknown = share[-2]
    rare[-2] = min(max(unknown, share[:-2][share[:-2] < 3 * unknown].sum()), 1.0)
    return deviation_of(rare)
