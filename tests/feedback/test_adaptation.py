"""Champion and challenger: what is decided, and how often wrongly."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.core.errors import ParameterError
from amiss.feedback import Trial, judge, should_start

QUIET = np.zeros(1000, np.bool_)


def loud(share: float) -> np.ndarray:
    return np.arange(1000) < 1000 * share


def trial(seed: int, n: int, champion: float, challenger: float, **changed) -> Trial:
    """Labels of which a third are anomalies; both tell them by so many deviations."""
    random = np.random.default_rng(seed)
    odd = random.random(n) < 1 / 3
    told = {
        "champion": champion * odd + random.normal(size=n),
        "challenger": challenger * odd + random.normal(size=n),
        "is_anomaly": odd,
        "champion_alarms": QUIET,
        "challenger_alarms": QUIET,
        "false_alarm_rate": 0.01,
    }
    return Trial(**(told | changed))


class TestStart:
    def test_new_labels_or_drift_start_one(self):
        assert should_start(19).action == "wait"
        assert should_start(20).action == "start"
        assert should_start(5, enough_labels=5).action == "start"
        found = should_start(0, "temp has moved up")
        assert (found.action, found.reason) == ("start", "the data have drifted: temp has moved up")

    def test_wrong_numbers_are_refused(self):
        with pytest.raises(ParameterError):
            should_start(3, enough_labels=0)


class TestJudge:
    def test_it_waits_for_labels(self):
        found = judge(trial(0, 24, 0.0, 3.0))
        assert found.action == "wait"
        assert "next look is at 25" in found.reason

    def test_it_waits_for_both_kinds(self):
        assert judge(trial(0, 40, 0, 3, is_anomaly=np.arange(40) < 3)).action == "wait"

    def test_a_better_one_is_promoted_and_a_worse_one_dropped(self):
        assert judge(trial(0, 50, 0.0, 3.0)).action == "promote"
        assert judge(trial(0, 50, 3.0, 0.0)).action == "drop"

    def test_one_that_is_no_better_is_dropped_in_the_end(self):
        for seed in range(5):
            found = judge(trial(seed, 200, 1.0, 1.0))
            assert found.action in {"drop", "promote"}
        assert "no better" in judge(trial(1, 200, 1.0, 1.0)).reason

    def test_one_that_breaks_the_promise_is_dropped_however_it_ranks(self):
        found = judge(trial(0, 100, 0.0, 3.0, challenger_alarms=loud(0.05)))
        assert found.action == "drop"
        assert "5.00% of 1,000 recent rows raise an alarm, 1.00% were promised" in found.reason

    def test_one_that_keeps_the_promise_replaces_one_that_breaks_it(self):
        found = judge(trial(3, 30, 1.0, 1.0, champion_alarms=loud(0.05)))
        assert found.action == "promote"
        assert "champion breaks the promise" in found.reason

    def test_what_comes_after_a_look_does_not_matter(self):
        whole = trial(0, 99, 0.5, 0.9)
        cut = Trial(whole.champion[:50], whole.challenger[:50], whole.is_anomaly[:50], QUIET, QUIET, 0.01)
        assert judge(whole).action == judge(cut).action

    def test_wrong_trials_are_refused(self):
        with pytest.raises(ParameterError):
            trial(0, 10, 0, 0, is_anomaly=np.zeros(9, np.bool_))
        with pytest.raises(ParameterError):
            trial(0, 10, 0, 0, false_alarm_rate=0.0)


@pytest.mark.slow
def test_an_equal_challenger_is_rarely_called_better_or_worse():
    wrong = promoted = 0
    n = 400
    for seed in range(n):
        found = judge(trial(seed, 200, 1.0, 1.0))
        promoted += found.action == "promote"
        wrong += "no better" not in found.reason
    # Three binomial deviations above 5 %, and half of them one way.
    assert wrong / n <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / n)
    assert promoted / n <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / n)


def test_a_clearly_better_one_is_found_within_a_hundred_labels():
    found = [judge(trial(seed, 100, 0.5, 2.0)).action for seed in range(40)]
    assert found.count("promote") >= 36
