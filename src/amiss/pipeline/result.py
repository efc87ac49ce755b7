"""Result: what detect and Model.score hand to the user."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.core.extras import late
from amiss.core.finding import Event, Explanation, FullExplanation
from amiss.core.foreign import as_table, column_names
from amiss.core.frame import Frame
from amiss.core.random import priorities
from amiss.core.schema import ADDED_COLUMNS, PROBABILITY, Schema
from amiss.core.source import Source
from amiss.core.summary import Vector
from amiss.core.threshold import Promise
from amiss.pipeline.events import find_events

if TYPE_CHECKING:
    import polars as pl

    from amiss.pipeline.model import Model

__all__ = ["ADDED_COLUMNS", "Result"]


class Result:
    """Scores, decisions and reasons for the rows of one table.

    Attributes
    ----------
    scores : (n_rows,)
        Anomaly score of each row, in the order of the input; higher is more anomalous.
    p_values : (n_rows,)
        p-value of "this row is normal", in (0, 1].
    is_anomaly : (n_rows,)
        Whether the row raises an alarm, under the promise or by a limit.
    beyond : (n_rows,)
        Whether the row is beyond a limit.
    model
        The Model that scored.
    """

    def __init__(
        self,
        *,
        model: Model,
        source: Source,
        scores: Vector,
        p_values: Vector,
        is_anomaly: npt.NDArray[np.bool_],
        beyond: npt.NDArray[np.bool_],
        native: Any = None,
        notes: Sequence[str] = (),
    ) -> None:
        self.model, self.source = model, source
        self.scores, self.p_values, self.is_anomaly, self.beyond = scores, p_values, is_anomaly, beyond
        self._native, self._notes = native, list(notes)
        self._explained: dict[int, Explanation] = {}
        self._events: list[Event] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return (
            f"Result({self.n_anomalies:,} anomalies in {len(self):,} rows of {self.source.name!r}; "
            f"false alarms: {self.promise.asked})"
        )

    @property
    def n_anomalies(self) -> int:
        """Number of rows that raise an alarm."""
        return int(self.is_anomaly.sum())

    @property
    def schema(self) -> Schema:
        """What each column is, and what was done with it."""
        return self.model.schema

    @property
    def promise(self) -> Promise:
        """What was asked, what the calibration rows reach."""
        return self.model.promise

    @property
    def probabilities(self) -> Vector | None:
        """Of an anomaly, for each row: (n_rows,), in (0, 1); None where the model has none, see `Model.chances`.

        They hold where anomalies are as frequent as `model.chances.share` says: that of the rows learnt from.
        """
        return None if self.model.chances is None else self.model.chances.probability(self.scores)

    @property
    def notes(self) -> list[str]:
        """What had to be mended while reading, or is not as expected, one sentence each."""
        return [*self.source.notes, *self.model.recipe.notes(), *self._notes]

    @property
    def kind(self) -> str:
        """ "table": each row is judged by itself."""
        return "table"

    @property
    def timed(self) -> bool:
        """Whether the rows have times, so that alarms close to one another are one event."""
        times = self.model.times(next(iter(self.source.batches())))
        return times is not None and not bool(np.isnan(times).all())

    @property
    def n_columns(self) -> int:
        """Number of columns of the data."""
        return len(next(iter(self.source.batches())).names)

    def ranking(self, n: int) -> npt.NDArray[np.int64]:
        """Positions of the `n` rows with the highest scores, highest first; the earlier row first where equal.

        Rows beyond a limit come before all others.
        """
        n = min(n, len(self))
        if n <= 0:
            return np.empty(0, np.int64)
        scores = self.scores
        if self.beyond.any():
            scores = scores + np.where(self.beyond, np.ptp(scores) + 1.0, 0.0)
        border = np.partition(scores, len(self) - n)[len(self) - n]
        # At the border rows may tie: the stable sort then keeps the earlier ones.
        candidates = np.flatnonzero(scores >= border)
        order = np.argsort(-scores[candidates], kind="stable")[:n]
        return candidates[order].astype(np.int64)

    def top(self, n: int = 10) -> Any:
        """The `n` most anomalous rows as a frame of the caller's own kind (polars for paths and arrays).

        Beside the row's own columns (`NAME_original` where names clash): `row` (its position, from 0),
        `anomaly_score`, `p_value`, `is_anomaly`, `reason`, and `probability` where there are `probabilities`.
        """
        rows = self.ranking(n)
        return _beside(self._native, self._added(rows), rows, lambda: self.top_table(n))

    def top_table(self, n: int) -> pl.DataFrame:
        """`top` as a polars frame, whatever the caller gave."""
        return self._table_of(self.ranking(n))

    def row_table(self, row: int) -> pl.DataFrame:
        """One row, by its position from 0, as `top_table` has those listed.

        Raises
        ------
        ParameterError
            There is no such row.
        """
        self.explain(row)
        return self._table_of(np.array([row]))

    def _table_of(self, rows: npt.NDArray[np.int64]) -> pl.DataFrame:
        import polars as pl

        added = self._added(rows)
        own = _own_way(self.rows_at(rows).table, added).get_columns()
        return pl.DataFrame([*(pl.Series(name, values) for name, values in added.items()), *own])

    def _added(self, rows: npt.NDArray[np.int64]) -> dict[str, Any]:
        chances = self.probabilities
        return {
            "row": rows,
            "anomaly_score": self.scores[rows],
            "p_value": self.p_values[rows],
            **({} if chances is None else {PROBABILITY: chances[rows]}),
            "is_anomaly": self.is_anomaly[rows],
            "reason": [e.reason for e in self.explain_all(rows)],
        }

    def explain(self, row: int) -> Explanation:
        """Why a row, by its position from 0, has its score.

        Raises
        ------
        ParameterError
            There is no such row.
        """
        if not 0 <= row < len(self):
            raise ParameterError(f"there is no row {row}", mend=f"give a row from 0 to {len(self) - 1}")
        if row not in self._explained:
            self.explain_all(np.array([row]))
        return self._explained[row]

    def explain_fully(self, row: int) -> FullExplanation:
        """All that can be told of a row: beside `explain`, the normal rows that it is most like, the smallest change
        that makes it normal, and how much lower it scores with other rows' values.

        Asks the detector for some thousands of scores. See [reasons](reasons.md) for an example.

        Raises
        ------
        ParameterError
            There is no such row.
        """
        explanation = self.explain(row)
        return self.model.explain_fully(self.rows_at(np.array([row])), explanation)

    def shown(self, row: int) -> dict[str, str]:
        """The values of a row that it was ranked by, by column, as written in the data."""
        return self.model.reasons.shown(self.rows_at(np.array([row])))

    def explain_top(self, n: int) -> list[Explanation]:
        """Explanations of the `n` most anomalous rows, highest first."""
        return self.explain_all(self.ranking(n))

    def explain_all(self, rows: npt.NDArray[np.int64]) -> list[Explanation]:
        """Explanations of the rows at these positions, in the order given, read in one go."""
        missing = np.array([row for row in rows if int(row) not in self._explained], np.int64)
        if len(missing):
            frame = self.rows_at(missing)
            found = self.model.reasons_of(frame)
            for row, (reason, contributions) in zip(missing.tolist(), found, strict=True):
                self._explained[row] = Explanation(
                    row, float(self.scores[row]), float(self.p_values[row]), bool(self.is_anomaly[row]), reason,
                    contributions,
                )  # fmt: skip
        return [self._explained[int(row)] for row in rows]

    def rows_at(self, rows: npt.NDArray[np.int64]) -> Frame:
        """The rows at these positions, in the order given."""
        order = np.argsort(rows, kind="stable")
        wanted = rows[order]
        tables = []
        for frame in self.source.batches():
            first, last = np.searchsorted(wanted, [frame.first_row, frame.first_row + frame.n_rows])
            if first < last:
                tables.append(frame.table[(wanted[first:last] - frame.first_row).tolist()])
            if last == len(wanted):
                break
        if not tables:
            return Frame(next(iter(self.source.batches())).table.clear())
        table = tables[0]
        for further in tables[1:]:
            table = table.vstack(further)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return Frame(table[back.tolist()])

    def sample(self, n: int) -> npt.NDArray[np.int64]:
        """Positions of a uniform sample of `n` rows, ascending; the same at every call."""
        if len(self) <= n:
            return np.arange(len(self))
        return np.sort(np.argpartition(priorities(np.arange(len(self)), 0), n)[:n])

    @property
    def events(self) -> list[Event]:
        """Alarms that belong together, the most severe event first.

        Where there is time, alarms of one entity that are at most five usual intervals apart are one event; where
        there is none, each alarm is an event. Its reason is that of its highest row.
        """
        return self.top_events(self.n_events)

    @property
    def n_events(self) -> int:
        """Number of events; unlike `events` it needs no reasons, which take time."""
        return len(self._grouped())

    def top_events(self, n: int) -> list[Event]:
        """The `n` most severe events, the most severe first."""
        shown = self._grouped()[:n]
        told = self.explain_all(np.array([event.peak_row for event in shown], np.int64))
        return [msgspec.structs.replace(event, reason=why.reason) for event, why in zip(shown, told, strict=True)]

    def _grouped(self) -> list[Event]:
        """All events, without their reasons."""
        if self._events is None:
            rows = np.flatnonzero(self.is_anomaly)
            frame = self.rows_at(rows) if self.schema.first("time") and len(rows) else None
            times = self.model.times(frame) if frame is not None else None
            entities = self.model.entities(frame) if frame is not None else None
            self._events = find_events(
                rows, self.scores, self.p_values, times, entities, self.model.facts.interval_seconds,
                zoned=self.schema.zoned,
            )  # fmt: skip
        return self._events

    def scored(self) -> Iterator[pl.DataFrame]:
        """The input with `anomaly_score`, `p_value`, `is_anomaly` and `reason`, batch by batch.

        A reason is given for the rows that raise an alarm; where there are `probabilities`, `probability` stands there
        too. A column of the input that has one of these names is called `NAME_original`.
        """
        import polars as pl

        chances = self.probabilities
        for frame in self.source.batches():
            here = slice(frame.first_row, frame.first_row + frame.n_rows)
            alarms = np.flatnonzero(self.is_anomaly[here])
            reasons: list[str | None] = [None] * frame.n_rows
            if len(alarms):
                for row, reason in zip(alarms, self._reasons_in(frame, alarms), strict=True):
                    reasons[int(row)] = reason
            added = [
                pl.Series("anomaly_score", self.scores[here]),
                pl.Series("p_value", self.p_values[here]),
                *([] if chances is None else [pl.Series(PROBABILITY, chances[here])]),
                pl.Series("is_anomaly", self.is_anomaly[here]),
                pl.Series("reason", reasons, dtype=pl.String),
            ]
            yield _own_way(frame.table, [column.name for column in added]).with_columns(added)

    def _reasons_in(self, frame: Frame, rows: npt.NDArray[np.intp]) -> list[str]:
        """Reasons of some rows of a batch, by their place in it."""
        return [reason for reason, _ in self.model.reasons_of(frame.rows(rows))]

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the HTML report: one file that needs no network."""
        late("amiss.report.frame:write_page")(path, late("amiss.report.page:report_html"), self)

    def _repr_html_(self) -> str:
        html: str = late("amiss.report.snippet:notebook_html")(self)
        return html


def _own_way(table: pl.DataFrame, added: Collection[str]) -> pl.DataFrame:
    """The user's columns, renamed where ours have the same name."""
    taken = {"row", *added}
    return table.rename({name: f"{name}_original" for name in table.columns if name in taken})


def _beside(native: Any, added: dict[str, Any], rows: npt.NDArray[np.int64], fallback: Any) -> Any:
    """`added` columns, then the rows' own, in the kind of frame that the caller gave."""
    import narwhals as nw

    native = as_table(native)
    if hasattr(native, "set_axis"):  # pandas lets columns have numbers, or one name for two
        names, _ = column_names(list(native.columns))
        native = native.set_axis(names, axis=1) if list(native.columns) != names else native
    owned = nw.from_native(native, eager_only=True, pass_through=True) if native is not None else None
    if not isinstance(owned, nw.DataFrame):
        return fallback()
    chosen = owned[rows.tolist()]
    chosen = chosen.rename({name: f"{name}_original" for name in chosen.columns if name in added})
    own_names = chosen.columns
    backend = nw.get_native_namespace(chosen)
    series = [nw.new_series(name, _plain(values), backend=backend) for name, values in added.items()]
    if hasattr(native, "index"):  # pandas keeps the labels of its rows
        index = nw.to_native(chosen).index
        series = [nw.from_native(nw.to_native(s).set_axis(index), series_only=True) for s in series]
    whole = chosen.select(own_names).with_columns(*series)
    return nw.to_native(whole.select([*added, *own_names]))


def _plain(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
