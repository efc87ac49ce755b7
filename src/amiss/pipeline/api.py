"""The three doors of the library: detect, fit, load."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from amiss.core.errors import DataError, ParameterError
from amiss.core.source import Progress, Source, silent
from amiss.pipeline.flow_rows import FlowRows
from amiss.pipeline.labelled import learn_labelled
from amiss.pipeline.learn import Learnt, Looked, calibrate, learn, look, relearn
from amiss.pipeline.model import Facts, Model
from amiss.pipeline.network_learn import detect_network, one_by_one
from amiss.pipeline.network_model import NetworkModel
from amiss.pipeline.network_result import NetworkResult
from amiss.pipeline.opening import known_traffic, open_source
from amiss.pipeline.recipe import DEFAULT, Recipe
from amiss.pipeline.recognised import read_as_series, table_notes
from amiss.pipeline.result import Result
from amiss.pipeline.series_learn import detect_series, fit_series
from amiss.thresholds.conformal import Conformal
from amiss.thresholds.dirt import n_suspicious

__all__ = ["detect", "detect_source", "fit", "fit_labelled", "fit_source", "load"]


def detect(
    data: Any,
    *,
    kind: str | None = None,
    causal: bool = False,
    time: str | None = None,
    entity: str | None = None,
    false_alarms: str | float | None = None,
    false_discoveries: str | float | None = None,
    limits: Mapping[str, tuple[float | None, float | None]] | None = None,
    clean: bool = False,
    detector: str | None = None,
    params: Mapping[str, Any] | None = None,
    ignore: Sequence[str] = (),
    roles: Mapping[str, str] | None = None,
    exclude: Sequence[str] = (),
    known_good: Any = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Result | NetworkResult:
    """Find the odd rows of a table, what goes wrong in series, or which hosts misbehave; and say why.

    The table is learnt from and judged at once: each row's p-value is its rank among all rows, or, where a share of the
    alarms is asked for, its place among the rows that do not look like anomalies.

    Parameters
    ----------
    data
        Path of a file (CSV and kin, JSON lines, Parquet, Arrow, Excel; a packet capture or a log of network traffic, or
        a folder of these), "-", a pandas, polars or Arrow table, a NumPy array (n_rows, n_features), or a mapping of
        columns.
    kind
        "table", "series" or "network"; None recognises it.
    causal
        The rows are a series, and each is judged by those before it alone: what would have been said at the time.
    time, entity
        Column with the time, "DATE+TIME" where it stands in two, and with the device, host or user; None recognises
        them.
    false_alarms
        How many normal rows may raise an alarm: "1%", 0.01, 5 (rows), "1/day". None: 1 %, or one row of fewer than 100.
    false_discoveries
        Instead of `false_alarms`: the share of the alarms that may be false, "10%" or 0.1.
    limits
        Lowest and highest value that a column may have, such as {"temperature": (None, 80)}: rows beyond are alarms,
        whatever their score.
    clean
        There are no anomalies among the rows learnt from: none is left out of the calibration for looking like one.
    detector, params
        Name of a detector and its parameters; None for the default ensemble.
    ignore
        Columns to leave out.
    roles
        Role of single columns, against what is recognised.
    exclude
        Of network traffic: events that are not told, such as "host 10.0.0.5" or "kind beaconing and port 123".
    known_good
        Of network traffic: a capture or log, or several of them, that are known to be good.
    seed
        Seed of everything random, from 0.
    progress
        Called with a stage and the share of it that is done.

    Returns
    -------
    Result
        Of a table; of series a `SeriesResult`, of network traffic a `NetworkResult`.

    Raises
    ------
    DataError
        The data cannot be read, or hold too few rows or nothing to rank by.
    PromiseError
        So few false alarms cannot be promised from so few rows.

    Examples
    --------
    >>> import amiss, numpy as np
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> X[7] = [0, 9, 0]
    >>> result = amiss.detect(X, false_alarms=1)
    >>> result.top(1)["row"].to_list()
    [7]
    >>> print(result.explain(7))
    column_2 9.000 is above its usual -2.03 to 2.33
    """
    recipe = _recipe(
        kind=kind, causal=causal, time=time, entity=entity, false_alarms=false_alarms,
        false_discoveries=false_discoveries, limits=dict(limits or {}), clean=clean,
        detector=detector or "ensemble", params=dict(params or {}),
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore), roles=dict(roles or {}), seed=seed,
        exclude=(exclude,) if isinstance(exclude, str) else tuple(exclude),
    )  # fmt: skip
    return detect_source(open_source(data), recipe, progress=progress, native=data, known_good=known_good)


def fit(
    data: Any,
    *,
    kind: str | None = None,
    label: str | None = None,
    normal: str | None = None,
    causal: bool = False,
    time: str | None = None,
    entity: str | None = None,
    false_alarms: str | float | None = None,
    false_discoveries: str | float | None = None,
    limits: Mapping[str, tuple[float | None, float | None]] | None = None,
    clean: bool = False,
    detector: str | None = None,
    params: Mapping[str, Any] | None = None,
    ignore: Sequence[str] = (),
    select: str | None = None,
    roles: Mapping[str, str] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Model:
    """Learn a Model from rows that are mostly normal, to score others with.

    With a `label`, the column that says which rows are anomalies (1, or words for their kinds; `normal` is its word for
    a normal row where that is not plain), the default learns both from labelled anomalies and from what normal rows are
    like; a detector that learns without labels, asked for by name, learns from the normal rows alone. The cut comes
    from normal rows that had been held out. Where most rows have no label, these are learnt from too, as rows that are
    mostly normal, and a few labels correct what is found without any.

    With `select`, columns are chosen by the rows learnt from, and the model asks for these alone: "heavy_tails",
    "correlation" or "variance"; with labels also "mutual_information", "l1" or "model".

    Takes the options of `detect`. The threshold is calibrated on rows that the detector in question has not seen
    (ten folds, up to fifty where there are few rows); rows of the same kind then raise no more false alarms than asked.
    Rows that look like anomalies are learnt from no more, and left out of the calibration: `Model.promise` says how
    many.

    Raises
    ------
    DataError
        The data cannot be read, or hold too few rows or nothing to rank by.
    PromiseError
        So few false alarms cannot be promised from so few rows.

    Examples
    --------
    >>> import amiss, numpy as np
    >>> random = np.random.default_rng(0)
    >>> model = amiss.fit(random.normal(size=(500, 3)), false_alarms="1%")
    >>> model.score(np.array([[0.0, 0, 0], [0, 9, 0]])).is_anomaly
    array([False,  True])
    """
    recipe = _recipe(
        kind=kind, label=label, normal=normal, causal=causal, time=time, entity=entity, false_alarms=false_alarms,
        false_discoveries=false_discoveries, limits=dict(limits or {}), clean=clean,
        detector=detector or "ensemble", params=dict(params or {}),
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore), select=select, roles=dict(roles or {}),
        seed=seed,
    )  # fmt: skip
    return fit_source(open_source(data), recipe, progress=progress)


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model file that `Model.save` or `amiss fit` wrote.

    Raises
    ------
    ModelFileError
        The file is cut, damaged, hostile or of another format.
    """
    from amiss.pipeline.model_file import load as read

    return read(path)


def detect_source(
    source: Source, recipe: Recipe, *, progress: Progress = silent, native: Any = None, known_good: Any = None
) -> Result | NetworkResult:
    """`detect` for a source that is open already and a recipe."""
    if isinstance(source, FlowRows) and recipe.kind in (None, "network"):
        usual = known_traffic(known_good if known_good is not None else recipe.known_good)
        recipe = msgspec.structs.replace(recipe, kind="network").checked()
        return detect_network(source, recipe, _judge_rows, progress, usual)
    recipe = _of_rows(source, recipe)
    looked = look(source, recipe.checked(), progress)
    series = read_as_series(source, recipe, looked, progress)
    if series is not None:
        return detect_series(source, recipe.for_series(), looked, series, progress, native)
    return _detect_table(source, recipe, looked, progress, native)


def _judge_rows(source: Source, learnt_from: Source | None, recipe: Recipe, progress: Progress) -> Result:
    """Rows judged as a table, by themselves or by others that are known to be normal."""
    if learnt_from is None:
        return _detect_table(source, recipe, look(source, recipe, progress), progress, None)
    looked = look(learnt_from, recipe, progress)
    return _fit_table(learnt_from, recipe, looked, progress).score_source(source, progress=progress)


def _of_rows(source: Source, recipe: Recipe) -> Recipe:
    """The recipe as the source needs it: flows are rows of a table, and a table has no hosts."""
    if isinstance(source, FlowRows):
        if recipe.kind == "series" or recipe.causal:
            mend = "leave out the kind and causal, or say --kind table"
            raise ParameterError("flows are no series", where=source.name, mend=mend)
        return msgspec.structs.replace(recipe, kind="table")
    if recipe.kind == "network":
        raise DataError(
            "this is no network traffic that can be read", where=source.name,
            mend="give a capture (pcap, pcapng) or a log of Zeek, Suricata, NetFlow, CICFlowMeter; see docs/network.md",
        )  # fmt: skip
    for name, said in (("exclude", recipe.exclude), ("known_good", recipe.known_good)):
        if said:
            raise ParameterError(f"{name} is for network traffic", where=source.name, mend=f"leave out {name}")
    return recipe


def _detect_table(source: Source, recipe: Recipe, looked: Looked, progress: Progress, native: Any) -> Result:
    learnt = learn(source, recipe, looked, progress, calibrated=False)
    facts = _facts(source, looked)
    threshold = _threshold(recipe, facts, same_rows=True)
    threshold.check_support(facts.n_rows)
    model = _model(recipe, facts, learnt, threshold)
    del learnt, looked  # its samples would stand beside the scores
    scored = model.score_batches(source, source.batches(), progress)
    scored = replace(scored, notes=[*table_notes(source, recipe, model.preparation), *scored.notes])
    threshold.calibrate(scored.scores, clean=recipe.clean)
    return model.judged(source, scored, native)


def fit_source(source: Source, recipe: Recipe, *, progress: Progress = silent) -> Model:
    """`fit` for a source that is open already and a recipe."""
    recipe = _of_rows(source, one_by_one(recipe) if isinstance(source, FlowRows) else recipe)
    if recipe.label is not None:
        free = recipe.detector == DEFAULT and not recipe.params
        return fit_labelled(source, recipe.checked().for_labels(), free=free, progress=progress)
    if isinstance(source, FlowRows):
        learnt = source.learnt
        model = _fit_table(learnt, recipe, look(learnt, recipe.checked(), progress), progress)
        return NetworkModel.of(model, source.traffic())
    looked = look(source, recipe.checked(), progress)
    series = read_as_series(source, recipe, looked, progress)
    if series is not None:
        return fit_series(source, recipe.for_series(), looked, series, progress)
    return _fit_table(source, recipe, looked, progress)


def _fit_table(source: Source, recipe: Recipe, looked: Looked, progress: Progress) -> Model:
    learnt = learn(source, recipe, looked, progress, calibrated=True)
    facts = _facts(source, looked)
    threshold = _threshold(recipe, facts, same_rows=False)
    threshold.check_support(facts.n_rows)
    calibration = calibrate(source, recipe, learnt, progress, threshold.rate)
    clean = recipe.clean
    n_odd = 0 if clean else n_suspicious(calibration.scores)
    if n_odd:
        # Anomalies mask one another: without them the detector tells them better, and the cut is found once more.
        highest = float(np.partition(calibration.scores, -n_odd)[-n_odd])
        again = relearn(source, recipe, learnt, calibration, highest, progress)
        clean = again is None
        if again is not None:
            learnt = again
            calibration = calibrate(source, recipe, learnt, progress, threshold.rate)
    # Nobody asked for the default, so it is not refused for rows that resemble one another.
    n_effective = None if recipe.wish().default else calibration.n_effective
    threshold.calibrate(calibration.scores, n_effective=n_effective, clean=clean)
    threshold.n_effective_ = min(calibration.n_effective, threshold.n_effective_)
    model = _model(recipe, facts, learnt, threshold)
    model.notes = tuple(table_notes(source, recipe, model.preparation))
    return model


def fit_labelled(source: Source, recipe: Recipe, *, free: bool = False, progress: Progress = silent) -> Model:
    """`fit` for a source that is open already and a recipe made `for_labels`; see `learn_labelled` for `free`."""
    recipe = recipe.checked()
    looked = look(source, recipe, progress)
    learnt = learn_labelled(source, recipe, looked, progress, free=free)
    facts = _facts(source, looked)
    threshold = _threshold(recipe, facts, same_rows=False)
    threshold.check_support(len(learnt.held_out))
    # Where nobody has said of any row that it is normal, anomalies hide among those that the cut comes from.
    threshold.calibrate(learnt.held_out, clean=not learnt.dirty)
    return Model(
        recipe=learnt.recipe, kind="table", facts=facts, preparation=learnt.preparation, detector=learnt.detector,
        reasons=learnt.reasons, threshold=threshold, kinds=learnt.labels.kinds,
        chances=learnt.chances, notes=learnt.labels.notes,
    )  # fmt: skip


def _threshold(recipe: Recipe, facts: Facts, *, same_rows: bool) -> Conformal:
    wish = recipe.wish().of(facts.n_rows)
    rate = wish.rate(facts.n_rows, facts.span_seconds)
    return Conformal(rate, asked=wish.asked, same_rows=same_rows, of_alarms=wish.of_alarms)


def _recipe(**fields: Any) -> Recipe:
    try:
        return msgspec.convert(fields, Recipe)
    except msgspec.ValidationError as error:
        raise ParameterError(f"an option has the wrong type: {error}") from error


def _facts(source: Source, looked: Looked) -> Facts:
    schema, table = looked.schema, looked.table
    time = next((column for column in schema.columns if column.role == "time"), None)
    if time is None:
        return Facts(source.name, table.n_rows)
    seconds = table.sample.times(time.name, time.reading)
    seconds = seconds[~np.isnan(seconds)]
    span = float(seconds.max() - seconds.min()) if len(seconds) else 0.0
    entity = schema.first("entity")
    n_entities = len(table.sample.counts(entity)) if entity else 1
    return Facts(source.name, table.n_rows, span or None, span * n_entities / table.n_rows or None)


def _model(recipe: Recipe, facts: Facts, learnt: Learnt, threshold: Conformal) -> Model:
    return Model(
        recipe=recipe,
        kind="table",
        facts=facts,
        preparation=learnt.preparation,
        detector=learnt.detector,
        reasons=learnt.reasons,
        threshold=threshold,
    )
