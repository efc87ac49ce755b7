"""The contract of a Detector, one function a check.

A plug-in's test file needs two lines:

```
@pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=lambda check: check.__name__)
def test_contract(check): check(MyDetector)
```
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import numpy as np

from amiss.core.detector import DetectorSummary, MergeDetector
from amiss.core.errors import DataError, NotFittedError, ParameterError
from amiss.core.summary import Matrix

__all__ = ["DETECTOR_CHECKS", "check_detector"]

Kind = type[Any]


def _table(n_rows: int = 200, n_features: int = 4, seed: int = 0) -> Matrix:
    random = np.random.default_rng(seed)
    return random.normal(size=(n_rows, n_features)) @ random.normal(size=(n_features, n_features))


def _dirty(seed: int = 0) -> tuple[Matrix, Matrix]:
    """Normal rows, and rows far from all of them."""
    random = np.random.default_rng(seed)
    return random.normal(size=(400, 3)), random.uniform(6, 9, size=(40, 3)) * random.choice([-1, 1], (40, 3))


@contextmanager
def _raises(*errors: type[Exception]) -> Iterator[None]:
    try:
        yield
    except errors:
        return
    raise AssertionError(f"none of {[error.__name__ for error in errors]} was raised")


def check_higher_is_more_anomalous(kind: Kind) -> None:
    """Rows far away score higher than rows learnt: ROC AUC well over 0.5."""
    normal, odd = _dirty()
    detector = kind().fit(normal)
    a, b = detector.anomaly_score(normal), detector.anomaly_score(odd)
    auc = np.mean(b[:, None] > a[None, :])
    assert auc > 0.9, f"ROC AUC {auc:.2f}"


def check_scikit_learn_polarity(kind: Kind) -> None:
    """score_samples, decision_function and predict are derived from anomaly_score."""
    X = _table()
    detector = kind().fit(X)
    scores = detector.anomaly_score(X)
    assert np.array_equal(detector.score_samples(X), -scores)
    assert np.array_equal(detector.decision_function(X), -scores - detector.offset_)
    assert np.array_equal(detector.predict(X) == -1, detector.decision_function(X) < 0)
    assert 0 < (detector.predict(X) == -1).mean() <= 0.02


def check_scores_are_finite(kind: Kind) -> None:
    """Finite input gives finite scores, one for each row."""
    X = _table()
    scores = kind().fit(X).anomaly_score(X)
    assert scores.shape == (len(X),)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


def check_row_by_row(kind: Kind) -> None:
    """A score depends neither on the order of rows nor on the rows beside it."""
    X = _table()
    detector = kind().fit(X)
    whole = detector.anomaly_score(X)
    alone = np.concatenate([detector.anomaly_score(X[i : i + 1]) for i in range(20)])
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_allclose(alone, whole[:20], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(detector.anomaly_score(X[order]), whole[order], rtol=1e-9, atol=1e-12)
    copies = np.repeat(X[:1], 500, axis=0)
    np.testing.assert_allclose(detector.anomaly_score(copies), whole[0], rtol=1e-9, atol=1e-12)


def check_scoring_changes_nothing(kind: Kind) -> None:
    """Scoring leaves the detector as it was, and X unwritten."""
    X = _table()
    detector = kind().fit(X)
    before = pickle.dumps(detector.state())
    X.flags.writeable = False
    first = detector.anomaly_score(X)
    assert np.array_equal(first, detector.anomaly_score(X))
    assert pickle.dumps(detector.state()) == before


def check_same_seed_same_scores(kind: Kind) -> None:
    """Two fits with one seed agree to the last bit."""
    X = _table()
    assert np.array_equal(kind().fit(X).anomaly_score(X), kind().fit(X).anomaly_score(X))


def check_merged_chunks_are_the_whole(kind: Kind) -> None:
    """Summaries of chunks, merged in any grouping, give what the whole gives."""
    if not issubclass(kind, MergeDetector):
        return
    X = _table(900)
    cuts = [0, 1, 200, 500, 900]
    parts = [kind().summarize(X[a:b], first_row=a) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    whole = kind().fit(X).anomaly_score(X)
    for grouped in (
        reduce(DetectorSummary.merge, parts),
        reduce(DetectorSummary.merge, parts[::-1]),
        parts[0].merge(parts[1]).merge(parts[2].merge(parts[3])),
    ):
        merged = kind().fit_summary(grouped).anomaly_score(X)
        np.testing.assert_allclose(merged, whole, rtol=1e-6, atol=1e-9)


def check_memory_is_bounded(kind: Kind) -> None:
    """A summary stops growing, however many rows are merged into it."""
    if not issubclass(kind, MergeDetector) or "sample_size" not in kind().get_params():
        return
    detector = kind().set_params(sample_size=100)
    summary = detector.summarize(_table(150))
    for k in range(1, 8):
        summary = summary.merge(detector.summarize(_table(150, seed=k), first_row=150 * k))
    assert len(summary.sample.rows) == 100
    assert summary.sample.n_rows == 1200
    detector.fit_summary(summary).anomaly_score(_table(5))


def check_missing_values_as_declared(kind: Kind) -> None:
    """NaN is data to a detector that says so, and an error to any other; infinity is an error to all."""
    X = _table()
    holes = X.copy()
    holes[::17, 1] = np.nan
    detector = kind()
    if detector.capabilities.missing:
        scores = detector.fit(holes).anomaly_score(holes)
        assert np.isfinite(scores).all()
        all_missing = holes.copy()
        all_missing[:, 2] = np.nan
        assert np.isfinite(kind().fit(all_missing).anomaly_score(all_missing)).all()
    else:
        with _raises(DataError):
            detector.fit(holes)
    with _raises(DataError):
        kind().fit(np.where(np.isnan(holes), np.inf, holes))


def check_constant_column(kind: Kind) -> None:
    """A constant column does no harm; a change in it, seen later, does not lower the score."""
    X = np.column_stack([_table(), np.full(200, 7.0)])
    detector = kind().fit(X)
    scores = detector.anomaly_score(X)
    assert np.isfinite(scores).all()
    changed = X.copy()
    changed[:, -1] = 8.0
    later = detector.anomaly_score(changed)
    assert np.isfinite(later).all()
    assert np.median(later) >= np.median(scores) - 1e-9


def check_all_rows_equal(kind: Kind) -> None:
    """Nothing to learn from is no error: all rows score alike."""
    X = np.ones((50, 3))
    scores = kind().fit(X).anomaly_score(X)
    assert np.isfinite(scores).all()
    assert np.ptp(scores) == 0


def check_few_rows_and_features(kind: Kind) -> None:
    """Two rows, one feature, more features than rows: finite scores. One row: an error that says so."""
    for shape in ((2, 1), (2, 3), (30, 1), (5, 40)):
        X = np.random.default_rng(0).normal(size=shape)
        assert np.isfinite(kind().fit(X).anomaly_score(X)).all(), shape
    with _raises(DataError):
        kind().fit(np.zeros((1, 3)))
    with _raises(DataError):
        kind().fit(np.zeros((0, 3)))


def check_huge_and_tiny_values(kind: Kind) -> None:
    """Magnitudes from 1e-100 to 1e100 give finite scores."""
    X = _table()
    for factor in (1e-100, 1e100):
        scores = kind().fit(X * factor).anomaly_score(X * factor)
        assert np.isfinite(scores).all(), factor
    mixed = X * np.array([1e-100, 1.0, 1e6, 1e100])
    assert np.isfinite(kind().fit(mixed).anomaly_score(mixed)).all()


def check_wrong_input_is_refused(kind: Kind) -> None:
    """Another number of features, text, and scoring before fitting."""
    X = _table()
    with _raises(NotFittedError):
        kind().anomaly_score(X)
    detector = kind().fit(X)
    with _raises(DataError):
        detector.anomaly_score(X[:, :2])
    with _raises(DataError):
        detector.anomaly_score([["a", "b", "c", "d"]])


def check_domains_cover_the_parameters(kind: Kind) -> None:
    """Every parameter has a domain, its default lies inside, and a foreign value is refused by name."""
    params = kind().get_params()
    assert set(kind.domains) == set(params)
    for name, domain in kind.domains.items():
        assert domain.admits(params[name]), name
        with _raises(ParameterError):
            kind().set_params(**{name: object()}).fit(_table())


def check_state_restores(kind: Kind) -> None:
    """The state is arrays, numbers and words, and another instance takes it up exactly."""
    X = _table()
    detector = kind().fit(X)
    state = detector.state()
    for name, value in state.items():
        assert isinstance(value, (np.ndarray, np.generic, int, float, str, bool)), name
    again = kind(**detector.get_params()).restore(state)
    assert np.array_equal(again.anomaly_score(X), detector.anomaly_score(X))
    assert np.array_equal(pickle.loads(pickle.dumps(detector)).anomaly_score(X), detector.anomaly_score(X))


def check_reasons(kind: Kind) -> None:
    """Contributions have the shape of X, name a planted cause first, and sum to the score where that is claimed."""
    if not kind.capabilities.reasons:
        with _raises(ParameterError):
            kind().fit(_table()).contributions(_table())
        return
    random = np.random.default_rng(0)
    # Four columns that move together: a detector of broken relations has something to hold on to.
    X = random.normal(size=(500, 1)) + 0.3 * random.normal(size=(500, 4))
    detector = kind().fit(X)
    odd = 0.5 * random.normal(size=(40, 1)) + 0.1 * random.normal(size=(40, 4))
    cause = np.arange(40) % 4
    odd[np.arange(40), cause] += 9.0
    contributions = detector.contributions(odd)
    assert contributions.shape == odd.shape
    hits = (contributions.argmax(axis=1) == cause).mean()
    assert hits >= 0.9, f"the planted cause is first in {hits:.0%} of the rows"
    if kind.capabilities.additive:
        scores = detector.anomaly_score(odd)
        target = np.log2(scores) if kind.capabilities.additive_target == "log2" else scores
        rest = target - contributions.sum(axis=1)
        np.testing.assert_allclose(rest, rest[0], rtol=0, atol=1e-6 * max(1.0, np.abs(target).max()))


def check_reasons_are_finite(kind: Kind) -> None:
    """Contributions are finite wherever scores are: huge and tiny values, constant columns, few rows."""
    if not kind.capabilities.reasons:
        return
    X = _table()
    tables = (X * 1e-100, X * 1e100, X * np.array([1e-100, 1.0, 1e6, 1e100]), np.ones((50, 3)), X[:2], X[:30, :1])
    for Z in tables:
        detector = kind().fit(Z)
        for rows in (Z, Z + 100 * np.abs(Z).max()):
            assert np.isfinite(detector.contributions(np.ascontiguousarray(rows))).all()


def check_offset_of_fitted_rows(kind: Kind) -> None:
    """fit returns the detector itself, and fit_predict is fit, then predict."""
    X = _table()
    detector = kind()
    assert detector.fit(X) is detector
    assert np.array_equal(kind().fit_predict(X), detector.predict(X))


DETECTOR_CHECKS: tuple[Callable[[Kind], None], ...] = (
    check_higher_is_more_anomalous,
    check_scikit_learn_polarity,
    check_scores_are_finite,
    check_row_by_row,
    check_scoring_changes_nothing,
    check_same_seed_same_scores,
    check_merged_chunks_are_the_whole,
    check_memory_is_bounded,
    check_missing_values_as_declared,
    check_constant_column,
    check_all_rows_equal,
    check_few_rows_and_features,
    check_huge_and_tiny_values,
    check_wrong_input_is_refused,
    check_domains_cover_the_parameters,
    check_state_restores,
    check_reasons,
    check_reasons_are_finite,
    check_offset_of_fitted_rows,
)


def check_detector(kind: Kind) -> None:
    """Run every check of the contract, the first failure raised."""
    for check in DETECTOR_CHECKS:
        check(kind)
