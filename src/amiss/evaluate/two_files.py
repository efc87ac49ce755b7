"""A training and a test file: columns, units and kinds that differ, and rows that are in both."""

from __future__ import annotations

import math

import numpy as np

from amiss.core.frame import Frame
from amiss.core.schema import Schema
from amiss.core.summary import Vector
from amiss.evaluate.leaks import Leak, few
from amiss.evaluate.splits import repeated_rows
from amiss.evaluate.truth import Flags
from amiss.evaluate.two_sample import gaps
from amiss.evaluate.wording import percent
from amiss.prepare.roles import nearest_name

__all__ = ["between_files", "unit_of"]

_UNITS: tuple[tuple[str, float, float], ...] = (
    *((f"a factor of 10^{k}", 10.0**k, 0.0) for k in (1, 2, 3, 4, 5, 6, 9)),
    ("inches and centimetres", 2.54, 0.0),
    ("inches and millimetres", 25.4, 0.0),
    ("feet and metres", 1 / 0.3048, 0.0),
    ("miles and kilometres", 1.609344, 0.0),
    ("metres per second and kilometres per hour", 3.6, 0.0),
    ("pounds and kilograms", 1 / 0.45359237, 0.0),
    ("bar and psi", 14.503774, 0.0),
    ("psi and kilopascal", 6.894757, 0.0),
    ("kilograms of force and newtons", 9.80665, 0.0),
    ("degrees and radians", 180 / math.pi, 0.0),
    ("minutes and seconds", 60.0, 0.0),
    ("hours and seconds", 3600.0, 0.0),
    ("days and seconds", 86400.0, 0.0),
    ("bits and bytes", 8.0, 0.0),
    ("units of 1,024", 1024.0, 0.0),
    ("units of 1,024 squared", 1024.0**2, 0.0),
    ("degrees Celsius and Fahrenheit", 1.8, 32.0),
    ("degrees Celsius and kelvin", 1.0, 273.15),
)
_FAR, _NEAR = 0.5, 0.15
"""Largest gap of the distribution functions as they are, and with the unit changed: a unit must explain it all."""
_FEWEST = 50


def between_files(train: Frame, test: Frame, schema: Schema, labels: Flags, test_labels: Flags | None) -> list[Leak]:
    """What differs between the files, and what is in both.

    Units are compared on the normal rows alone where both files have labels, so that other attacks are no other unit.
    """
    leaks = _of_columns(train, test, schema)
    there = set(test.names)
    numbers = [name for name in schema.named("number") if name in there and test.kind(name) != "nested"]
    kinds = [name for name in schema.named("category") if name in there]
    plain_a = train.rows(~labels) if test_labels is not None and not labels.all() else train
    plain_b = test.rows(~test_labels) if test_labels is not None and not test_labels.all() else test
    for name in numbers:
        leaks += _of_unit(name, plain_a.numbers(name), plain_b.numbers(name))
    for name in kinds:
        leaks += _of_kinds(name, train, test)
    return leaks + _in_both(train, test, numbers, kinds)


def unit_of(a: Vector, b: Vector) -> tuple[str, float, float] | None:
    """The units, and factor and shift, by which `b` is `a` in another unit; None where it is not.

    It takes two things: as they are, the values hardly overlap, and in the other unit they are distributed alike.

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> celsius, later = random.normal(20, 4, 1000), random.normal(20, 4, 500)
    >>> unit_of(celsius, later * 1.8 + 32)
    ('degrees Celsius and Fahrenheit', 1.8, 32.0)
    >>> unit_of(celsius, later + 3) is None
    True
    """
    a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    if min(len(a), len(b)) < _FEWEST or a.min() == a.max() or gaps(a, b)[0] < _FAR:
        return None
    tried = []
    for name, factor, shift in _UNITS:
        tried.append((gaps(a * factor + shift, b)[0], (name, factor, shift)))
        tried.append((gaps((a - shift) / factor, b)[0], (name, 1 / factor, -shift / factor)))
    gap, unit = min(tried, key=lambda each: each[0])
    return unit if gap <= _NEAR else None


def _of_columns(train: Frame, test: Frame, schema: Schema) -> list[Leak]:
    leaks = []
    used = schema.named("number", "category")
    for name in used:
        if name not in test.names:
            hint = nearest_name(name, test.names)
            leaks.append(Leak("columns", "strong", name, f"{name} is not in the test file",
                              f"{hint}give both files the same columns, or leave it out", 1.0))  # fmt: skip
        elif name in schema.named("number") and test.kind(name) in ("text", "bool") and train.kind(name) == "number":
            share = float(np.isnan(test.numbers(name)).mean())
            if share > 0.1:
                sentence = f"{name} is a number in training and {test.kind(name)} in the test file"
                leaks.append(Leak("columns", "strong", name, sentence, "write both files alike", share))
    new = [name for name in test.names if name not in train.names]
    if new:
        sentence = f"the test file has columns that training does not: {few(new)}"
        leaks.append(
            Leak("columns", "slight", few(new), sentence, "they are not used; check that none is a label", 0.0)
        )
    return leaks


def _of_unit(name: str, a: Vector, b: Vector) -> list[Leak]:
    found = unit_of(a, b)
    if found is None:
        return []
    unit, factor, shift = found
    how = f"{factor:.4g} times" if not shift else f"{factor:.4g} times, {shift:+.4g},"
    sentence = f"{name} looks like another unit in the test file ({unit}): it is {how} what it is in training"
    return [Leak("unit", "strong", name, sentence, "bring both files to one unit", 1.0)]


def _of_kinds(name: str, train: Frame, test: Frame) -> list[Leak]:
    known = train.counts(name)
    fresh = {kind: n for kind, n in test.counts(name).items() if kind not in known}
    if not fresh:
        return []
    share = sum(fresh.values()) / test.n_rows
    sentence = f"{percent(share)} of the test rows have a {name} that training never had: {few(list(fresh))}"
    severity = "strong" if share >= 0.1 else "slight"
    return [Leak("unseen_kinds", severity, name, sentence, "judge these rows by themselves as well", share)]


def _in_both(train: Frame, test: Frame, numbers: list[str], kinds: list[str]) -> list[Leak]:
    if not numbers and not kinds:
        return []
    parts = []
    for frame in (train, test):
        columns = [frame.numbers(name) for name in numbers]
        columns += [frame.codes(name, list(train.counts(name))).astype(np.float64) for name in kinds]
        parts.append(np.stack(columns, axis=1))
    unit = repeated_rows(np.concatenate(parts))
    share = float(np.isin(unit[train.n_rows :], unit[: train.n_rows]).mean())
    if share < 0.01:
        return []
    sentence = f"{percent(share)} of the test rows are in the training file too, but for the label"
    mend = "judge the other rows by themselves as well"
    return [Leak("test_rows_in_training", "strong" if share >= 0.2 else "slight", "rows", sentence, mend, share)]
