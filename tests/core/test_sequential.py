"""The contract for detectors to which the order of rows matters, held by a running mean for each entity."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from amiss.core.detector import Capabilities, Context, SequentialDetector


class RunningMean(SequentialDetector):
    """Distance to the mean of the entity's rows so far."""

    capabilities: ClassVar = Capabilities(context=True)

    def __init__(self) -> None: ...

    def _grow(self, n_entities):
        before = getattr(self, "total_", np.zeros((0, self.n_features_in_)))
        count = getattr(self, "count_", np.zeros(0))
        new = n_entities - len(before)
        self.total_ = np.vstack([before, np.zeros((new, self.n_features_in_))])
        self.count_ = np.append(count, np.zeros(new))

    def _update(self, X, entity, context):
        np.add.at(self.total_, entity, X)
        np.add.at(self.count_, entity, 1)

    def _score_in(self, X, context):
        entity = np.zeros(len(X), int) if context is None or context.entity is None else context.entity
        mean = self.total_[entity] / np.maximum(self.count_[entity], 1)[:, None]
        return np.abs(X - mean).max(axis=1)


X = np.random.default_rng(0).normal(size=(60, 2)) + np.repeat([[0.0], [9.0], [50.0]], 20, axis=0)
WHO = Context(entity=np.repeat([0, 1, 2], 20))


def test_each_entity_learns_for_itself():
    detector = RunningMean().fit(X, context=WHO)
    assert detector.n_entities_ == 3
    assert detector.anomaly_score(X, context=WHO).max() < 5
    assert detector.anomaly_score(X[:1], context=Context(entity=np.array([2])))[0] > 40


def test_chunks_in_order_are_the_whole():
    whole = RunningMean().fit(X, context=WHO)
    parts = RunningMean()
    for start in range(0, 60, 7):
        rows = slice(start, start + 7)
        parts.partial_fit(X[rows], context=Context(entity=WHO.entity[rows]))
    assert parts.n_entities_ == 3
    np.testing.assert_allclose(parts.total_, whole.total_)
    np.testing.assert_array_equal(parts.count_, whole.count_)


def test_rows_are_scored_before_they_are_learnt():
    detector = RunningMean().fit(X[:20])
    alone = detector.anomaly_score(np.array([[30.0, 30.0]]))
    twice = detector.score_partial_fit(np.array([[30.0, 30.0], [30.0, 30.0]]))
    assert twice[0] == alone[0]
    assert twice[1] < twice[0]


def test_state_is_arrays_and_restores():
    detector = RunningMean().fit(X, context=WHO)
    again = RunningMean().restore(detector.state())
    np.testing.assert_array_equal(again.anomaly_score(X, context=WHO), detector.anomaly_score(X, context=WHO))
