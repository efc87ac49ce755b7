"""Looks for leakage and for what makes figures mean little, before any detector is judged."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.schema import Schema
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.leaks import Leak, few, worst_first
from amiss.evaluate.splits import repeated_rows
from amiss.evaluate.telling import Telling, halves_of, rows_to_look_at, telling, values_of
from amiss.evaluate.truth import Flags, as_flags
from amiss.evaluate.two_files import between_files
from amiss.evaluate.wording import percent
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary

__all__ = ["find_leaks"]

_WORD = r"(^|[^a-z])({})([^a-z]|$)"
_NAMED = (
    ("is an address", re.compile(_WORD.format("ip|mac|addr|address"), re.IGNORECASE), True),
    ("is a time", re.compile(_WORD.format("timestamp|datetime|date"), re.IGNORECASE), True),
    ("is an identifier", re.compile(_WORD.format("uid|uuid|guid|flow_?id|hash"), re.IGNORECASE), True),
    ("is a time", re.compile(_WORD.format("ts|time|start|end"), re.IGNORECASE), False),
    ("is an identifier", re.compile(_WORD.format("id|index|row|no|number|session|serial"), re.IGNORECASE), False),
)
"""What a name says of its column, and whether it is sure: a duration may be called a time, and an index be measured."""

_ADDRESS = re.compile(
    r"^(\d{1,3}(\.\d{1,3}){3}|([0-9a-f]{2}[:-]){5}[0-9a-f]{2}|[0-9a-f:]{3,}:[0-9a-f:.]+)$", re.IGNORECASE
)
_LEFT_OUT = ("identifier", "time", "entity", "text", "ignored")
_ALONE = 0.99
_COPY = 0.999
_MOST_KINDS_OF_A_COPY = 60
_TOLD_BY_NAME = (0.6, 0.8)
_SAMPLED = 200


def find_leaks(
    table: Any,
    labels: Any,
    *,
    schema: Schema | None = None,
    test: Any = None,
    test_labels: Any = None,
    seed: int = 0,
) -> tuple[Leak, ...]:
    """What has to be known of labelled data before a figure on them is believed; the strong ones first.

    Each column is asked how well it alone tells the label, on rows that were not looked at. A column that numbers,
    names or dates the rows must not; a measured one may, but where it almost answers alone that is said. None of it
    looks at scores.

    Parameters
    ----------
    table
        The rows without the label: anything that `Frame.of` takes.
    labels : (n_rows,)
        1 for an anomaly, 0 for a normal row.
    schema
        What its columns are; None to recognise them.
    test, test_labels
        The test file, where there is one, and its labels.
    seed
        Of the rows that are looked at in a large table.

    Raises
    ------
    DataError
        Labels that cannot be judged, or of another length than the table.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> labels = np.arange(1000) >= 900
    >>> rows = {"id": np.arange(1000), "load": random.normal(size=1000)}
    >>> for leak in find_leaks(rows, labels):
    ...     print(leak.severity, leak.name, "-", leak)
    slight names_the_answer - id is an identifier, and alone tells anomalies at AUC 0.997
    slight order - the label follows the order of the rows: after an anomaly the next row is one in 100% of the cases

    References
    ----------
    Kaufman, S., Rosset, S., Perlich, C. & Stitelman, O. (2012). Leakage in data mining.
    """
    frame, truth = Frame.of(table), as_flags(labels)
    if frame.n_rows != len(truth):
        raise DataError("table and labels differ in length", where=f"{frame.n_rows:,} rows, {len(truth):,} labels")
    known = schema or infer_schema(TableSummary.of(frame, capacity=100_000), Wishes())
    values = values_of(frame, known)
    leaks = _too_few(truth) + _majority(truth)
    if truth.any() and not truth.all():
        rows = _matrix(values, known)
        leaks += _columns(frame, values, known, truth, rows, seed)
        leaks += _repeated(rows, truth) + _in_order(frame, known, truth)
    if test is not None:
        other = None if test_labels is None else as_flags(test_labels, name="test labels")
        leaks += between_files(frame, Frame.of(test), known, truth, other)
    return worst_first(leaks)


def _matrix(values: dict[str, tuple[Vector, bool]], schema: Schema) -> Matrix:
    """The rows as a detector sees them."""
    used = [values[name][0] for name in schema.named("number", "category") if name in values]
    return np.stack(used, axis=1) if used else np.empty((0, 0))


def _columns(
    frame: Frame, values: dict[str, tuple[Vector, bool]], schema: Schema, truth: Flags, rows: Matrix, seed: int
) -> list[Leak]:
    taken = rows_to_look_at(truth, seed)
    looked = np.arange(len(taken), dtype=np.float64)[:, None]
    try:
        halves = halves_of(truth[taken], rows[taken] if rows.size else looked, seed)
    except DataError:
        return []
    roles = {column.name: column.role for column in schema.columns}
    leaks, alone = [], {}
    for name, (column, is_kind) in values.items():
        found = telling(column[taken], is_kind, truth[taken], halves, len(values))
        if roles[name] == "label":
            leaks += [_other_label(name, found)] if found.low >= _TOLD_BY_NAME[1] else []
        elif what := _naming(frame, name, roles[name], column, is_kind):
            leaks += _named(name, what, found, left_out=roles[name] in _LEFT_OUT)
        elif roles[name] not in _LEFT_OUT and found.auc >= _ALONE and found.low >= _ALONE - 0.04:
            n_different = len(np.unique(column[~np.isnan(column)]))
            if found.auc >= _COPY and n_different <= _MOST_KINDS_OF_A_COPY:
                leaks.append(_copy(name, found, n_different))
            else:
                alone[name] = found.auc
    return leaks + _alone(alone)


def _naming(frame: Frame, name: str, role: str, column: Vector, is_kind: bool) -> str:
    """What a column is that names rows: by its role, the look of its words, its name, or because it counts the rows."""
    if role in ("identifier", "time"):
        return "is a time" if role == "time" else "is an identifier"
    if is_kind:
        words = [word for word in frame.rows(np.arange(min(_SAMPLED, frame.n_rows))).words(name) if word]
        if words and np.mean([bool(_ADDRESS.match(word.strip())) for word in words]) > 0.9:
            return "is an address"
    spaced = re.sub(r"([a-z])([A-Z])", r"\1_\2", name)
    n_different = len(np.unique(column[~np.isnan(column)]))
    for what, pattern, is_sure in _NAMED:
        if pattern.search(spaced) and (is_sure or n_different > 0.5 * len(column)):
            return what
    steps = np.diff(column)
    return "counts the rows" if len(steps) and ((steps > 0).all() or (steps < 0).all()) else ""


def _named(name: str, what: str, found: Telling, *, left_out: bool) -> list[Leak]:
    if found.low < _TOLD_BY_NAME[0]:
        return []
    severity = "strong" if found.low >= _TOLD_BY_NAME[1] and not left_out else "slight"
    mend = "it is left out; keep it so" if left_out else f"leave it out: --ignore {name}"
    sentence = f"{name} {what}, and alone tells anomalies at AUC {found.auc:.3f}"
    return [Leak("names_the_answer", severity, name, sentence, mend, found.auc)]


def _other_label(name: str, found: Telling) -> Leak:
    sentence = f"{name} looks like another label, and alone tells anomalies at AUC {found.auc:.3f}"
    return Leak("copy_of_the_label", "slight", name, sentence, "it is left out; keep it so", found.auc)


def _copy(name: str, found: Telling, n_different: int) -> Leak:
    sentence = f"{name} is the label by another name: its {n_different} values tell it at AUC {found.auc:.4f}"
    return Leak("copy_of_the_label", "strong", name, sentence, f"leave it out: --ignore {name}", found.auc)


def _alone(aucs: dict[str, float]) -> list[Leak]:
    """Measured columns that are nearly enough, all in one."""
    if not aucs:
        return []
    names = sorted(aucs, key=lambda name: -aucs[name])
    verb = "almost answers alone" if len(names) == 1 else "almost answer alone, each of them"
    sentence = f"{few(names)} {verb}: AUC {aucs[names[0]]:.3f} on rows not looked at"
    mend = "what is known only after the verdict has to be left out; else a limit may be all that is needed"
    return [Leak("answers_alone", "slight", names[0], sentence, mend, aucs[names[0]])]


def _too_few(truth: Flags) -> list[Leak]:
    from scipy.stats import beta

    n = int(truth.sum())
    if n == 0:
        return [
            Leak("few_anomalies", "strong", "labels", "there is no anomaly: nothing can be said but false alarms",
                 "give labelled anomalies", 1.0)
        ]  # fmt: skip
    found = 0.9 * n
    low, high = beta.ppf([0.025, 0.975], found + 0.5, n - found + 0.5)
    if high - low < 0.2:
        return []
    sentence = (
        f"{n:,} {'anomaly is' if n == 1 else 'anomalies are'} few: a recall of 90% "
        f"could be anything from {percent(float(low))} to {percent(float(high))}"
    )
    mend = "take differences between detectors for chance unless an interval says otherwise; label more"
    return [Leak("few_anomalies", "strong" if high - low >= 0.4 else "slight", "labels", sentence, mend, high - low)]


def _majority(truth: Flags) -> list[Leak]:
    share = float(truth.mean())
    if share < 0.5:
        return []
    sentence = (
        f"{percent(share)} of the rows are anomalies: to flag every row has accuracy {share:.3f} and F1 "
        f"{2 * share / (1 + share):.3f}"
    )
    mend = "read the false-alarm rate, balanced accuracy, MCC and AUC-ROC; where 1 means normal, turn the label round"
    return [Leak("majority", "strong" if share >= 0.8 else "slight", "labels", sentence, mend, share)]


def _repeated(rows: Matrix, truth: Flags) -> list[Leak]:
    if not rows.size:
        return []
    unit = repeated_rows(rows)
    size = np.bincount(unit)
    twins, leaks = float((size[unit] > 1).mean()), []
    if twins >= 0.01:
        sentence = f"{percent(twins)} of the rows are there more than once: a random split puts copies on both sides"
        leaks.append(
            Leak("repeated_rows", "slight", "rows", sentence, "keep copies in one fold, as folds here do", twins)
        )
    n_anomalies = np.bincount(unit, truth)
    against = truth & (n_anomalies < size)[unit]
    if against.any():
        share = float(against.sum() / truth.sum())
        verb = "anomaly is" if against.sum() == 1 else "anomalies are"
        sentence = (
            f"{int(against.sum()):,} {verb} identical to a normal row ({percent(share)} of them): no detector can tell"
        )
        severity = "strong" if share >= 0.05 else "slight"
        leaks.append(Leak("contradictions", severity, "rows", sentence, "check these labels, or add columns", share))
    return leaks


def _in_order(frame: Frame, schema: Schema, truth: Flags) -> list[Leak]:
    """Whether anomalies come in runs, in order of time where there is one."""
    column = next((c for c in schema.columns if c.role == "time" and c.name in frame.names), None)
    moments = None if column is None else frame.times(column.name, column.reading or None)
    timed = moments is not None and np.isnan(moments).mean() <= 0.5
    entity = schema.first("entity")
    group = frame.codes(entity, list(frame.counts(entity))) if timed and entity else np.zeros(len(truth), np.int64)
    order = np.lexsort((moments, group)) if timed and moments is not None else np.arange(len(truth))
    ordered, share = truth[order], float(truth.mean())
    before, after = ordered[:-1], ordered[1:]
    if before.sum() < 2:
        return []
    again = float(after[before].mean())
    # Under chance the next row is an anomaly with the usual share.
    surprise = (again - share) / np.sqrt(share * (1 - share) / before.sum())
    if again < max(0.5, min(3 * share, (1 + share) / 2)) or surprise < 5:
        return []
    blocks = [float(part.mean()) for part in np.array_split(ordered, 10)] if len(ordered) >= 10 else [share]
    name = "time" if timed else "order"
    what = "time" if timed else "the order of the rows"
    sentence = f"the label follows {what}: after an anomaly the next row is one in {percent(again)} of the cases"
    if timed:
        sentence += f"; its share in tenths of the time goes from {percent(min(blocks))} to {percent(max(blocks))}"
    mend = (
        "validate forward in time: random folds put neighbours on both sides" if timed
        else "if the rows are in order of time, name the time; never use their number"
    )  # fmt: skip
    severity = "strong" if timed and again >= 0.9 else "slight"
    return [Leak(name, severity, column.name if timed and column else "rows", sentence, mend, again)]
