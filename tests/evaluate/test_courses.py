"""Series in a comparison: detectors for series take part, forward in time, and events are told beside rows."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import ParameterError
from amiss.evaluate.compare import Plan, compare_sources, fit_best
from amiss.evaluate.courses import SERIES_DETECTORS, stretches
from amiss.evaluate.events import at_operating_point
from amiss.pipeline.opening import open_source
from amiss.pipeline.recipe import Recipe

PAIR = ["series_ensemble", "naive_bayes"]


def _pump(n=3000, seed=0, timed=True):
    """A swing that all but stops now and then: no single row is odd."""
    random = np.random.default_rng(seed)
    step = np.arange(n)
    fault = step % 300 > 270
    level = (np.sin(step / 8) + 0.1 * random.normal(size=n)) * np.where(fault, 0.2, 1.0)
    table = pl.DataFrame({"level": level, "fault": fault})
    start = datetime(2026, 1, 1)
    return table.with_columns(time=pl.Series([start + timedelta(minutes=k) for k in range(n)])) if timed else table


@pytest.fixture(scope="module")
def told():
    return amiss.compare(_pump(), "fault", detectors=PAIR)


def test_a_detector_for_series_finds_what_rows_do_not_show(told):
    assert told.split == "forward"
    series, rows = told.candidates
    assert (series.name, series.learns_from) == ("series_ensemble", "the course")
    assert series.judged.figures["auc_roc"].value > 0.9
    assert series.judged.figures["events_found"].value > rows.judged.figures["events_found"].value - 0.2
    assert series.judged.figures["vus_pr"].value > rows.judged.figures["vus_pr"].value + 0.2
    assert any("one series" in note for note in told.notes)


def test_figures_of_events_are_those_of_the_flags(told):
    for each in told.candidates:
        point = at_operating_point(told.y > 0, each.flags)
        figures = each.judged.figures
        assert figures["events_found"].value == pytest.approx(point.share_found)
        assert figures["events_found"].low <= point.share_found <= figures["events_found"].high
        assert figures["false_bursts"].value == pytest.approx(point.false_bursts_per_1000_rows)


def test_nothing_is_learnt_from_what_is_judged():
    # Were the labels or the rows to come looked at, shuffling them among the judged rows would change the cut.
    table = _pump()
    other = table.with_columns(
        level=pl.when(pl.int_range(pl.len()) < 2500).then("level").otherwise(pl.col("level") * 100)
    )
    a, b = (amiss.compare(each, "fault", detectors=["series_ensemble"]).candidates[0] for each in (table, other))
    before = np.cumsum(a.scores.shape)[0] - 500 - 200
    assert np.array_equal(a.scores[:before], b.scores[:before])


def test_a_kind_can_be_said():
    plain = _pump(3000, timed=False)
    assert amiss.compare(plain, "fault", detectors=["naive_bayes"]).split == "stratified"
    told = amiss.compare(plain, "fault", kind="series", detectors=PAIR)
    assert (told.split, told.verdict is not None) == ("forward", True)
    assert "alarms_per_day" not in told.candidates[0].judged.figures
    table = amiss.compare(_pump(3000), "fault", kind="table", detectors=PAIR)
    assert [each.name for each in table.candidates if each.failure] == ["series_ensemble"]
    assert "events_found" not in table.candidates[0].judged.figures
    with pytest.raises(ParameterError, match="no kind 'flows'"):
        amiss.compare(plain, "fault", kind="flows", detectors=PAIR)


def test_detectors_for_series_are_tried_unasked_on_series_alone(monkeypatch):
    monkeypatch.setattr("amiss.evaluate.compare.suitable", lambda: ("naive_bayes",))
    told = amiss.compare(_pump(3000), "fault", n_folds=2)
    assert {each.name for each in told.candidates} == {"naive_bayes", *SERIES_DETECTORS}
    assert not [each.failure for each in told.candidates if each.failure]
    table = amiss.compare(_pump(3000), "fault", kind="table", n_folds=2)
    assert [each.name for each in table.candidates] == ["naive_bayes"]


def test_the_best_is_fitted_as_a_model_of_series(tmp_path):
    source, recipe = open_source(_pump()), Recipe(label="fault")
    plan = Plan()
    told = compare_sources(source, None, recipe, PAIR, plan, lambda *_: None)
    assert told.verdict.best == "series_ensemble"
    model = fit_best(source, recipe, told, plan, false_alarms=None)
    assert (model.kind, model.recipe.detector) == ("series", "series_ensemble")
    assert model.preparation.features == ["level"]
    model.save(tmp_path / "m.amiss")
    assert len(amiss.load(tmp_path / "m.amiss").score(_pump(seed=1).drop("fault")).scores) == 3000


def test_an_event_is_never_cut():
    truth = np.zeros(1000, bool)
    truth[100:350] = truth[600:605] = True
    found = stretches(truth)
    assert len(set(found[100:350])) == 1
    assert (np.diff(found) >= 0).all()
    assert 50 < found[-1] < 100


def test_it_is_told_on_every_road(told, tmp_path):
    from io import StringIO

    from rich.console import Console

    from amiss.report.compare_page import comparison_html
    from amiss.report.compare_table import comparison_records, print_comparison

    out = StringIO()
    print_comparison(Console(file=out, width=200), told)
    assert "events found" in out.getvalue()
    assert "nan" not in out.getvalue()
    assert comparison_records(told)[0]["vus_pr"] == pytest.approx(
        told.candidates[0].judged.figures["vus_pr"].value, abs=1e-6
    )
    assert "false bursts in 1,000 rows" in comparison_html(told)
