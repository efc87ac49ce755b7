"""The contract of a SeriesDetector, one function a check; used as `DETECTOR_CHECKS` are."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from amiss.core.detector import SequentialSeriesDetector
from amiss.core.errors import DataError
from amiss.core.summary import Matrix, Vector
from amiss.testing.detectors import Kind, _raises, check_domains_cover_the_parameters, check_state_restores

__all__ = ["SERIES_CHECKS", "check_series_detector"]


def _series(n_rows: int = 1200, n_features: int = 2, seed: int = 0) -> Matrix:
    """Cycles with noise, each feature with a cycle of its own."""
    random = np.random.default_rng(seed)
    at = np.arange(n_rows)[:, None]
    cycles = np.sin(2 * np.pi * at / (24.0 + 8 * np.arange(n_features)))
    return cycles + 0.15 * random.normal(size=(n_rows, n_features))


def _planted(kind: str, X: Matrix) -> tuple[Matrix, slice]:
    """`X` with one anomaly of a kind in its first feature, and where it is."""
    X, start = X.copy(), len(X) * 2 // 3
    random = np.random.default_rng(7)
    if kind in ("spike", "dip"):
        here = slice(start, start + 1)
        X[here, 0] += 4.0 if kind == "spike" else -4.0
    elif kind == "contextual":
        here = slice(start + 4, start + 8)
        X[here, 0] = -np.median(X[here, 0])
    elif kind == "level_shift":
        here = slice(start, start + 60)
        X[here, 0] += 3.0
    elif kind == "variance_change":
        here = slice(start, start + 60)
        X[here, 0] += random.normal(size=60)
    elif kind == "trend_change":
        here = slice(start, start + 120)
        X[here, 0] += 0.03 * np.arange(120)
    elif kind == "stuck":
        here = slice(start, start + 60)
        X[here, 0] = X[start - 1, 0]
    elif kind == "drift":
        here = slice(start, len(X))
        X[here, 0] += 0.02 * np.arange(len(X) - start)
    elif kind == "change_point":
        here = slice(start, start + 1)
        X[start:, 0] += 3.0
    elif kind == "gap":
        here = slice(start, start + 30)
        X[here, 0] = np.nan
    elif kind == "collective":
        here = slice(start, start + 60)
        X[here, 0] = np.sin(2 * np.pi * np.arange(60) / 9) + 0.15 * random.normal(size=60)
    else:
        raise ValueError(f"there is no kind of anomaly {kind!r}")
    return X, here


def check_planted_kinds_are_found(kind: Kind) -> None:
    """Each kind of anomaly that the detector claims in `finds` gets its highest score, or one near it."""
    assert kind.finds, "say in `finds` what kinds of anomaly it is made for"
    for name in kind.finds:
        X, here = _planted(name, _series())
        scores = kind().fit_score(X)
        reach = 20 if name in ("spike", "dip", "contextual") else 60
        found = scores[max(here.start - reach, 0) : here.stop + reach].max()
        rest = np.delete(scores, np.r_[max(here.start - 4 * reach, 0) : min(here.stop + 4 * reach, len(X))])
        rest = rest[len(rest) // 10 :]
        assert found > rest.max(), f"{name}: {found:.3g} where it is, {rest.max():.3g} elsewhere"


def check_scores_are_finite(kind: Kind) -> None:
    """One finite score for each row."""
    X = _series()
    scores = kind().fit(X).anomaly_score(X)
    assert scores.shape == (len(X),)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


def check_any_series(kind: Kind) -> None:
    """Constant, two-valued, short, wide and extreme series get finite scores; one row is too few to learn from."""
    random = np.random.default_rng(0)
    every: dict[str, Matrix] = {
        "constant": np.full((300, 2), 7.0),
        "two values": random.integers(0, 2, size=(300, 1)).astype(float),
        "two rows": random.normal(size=(2, 1)),
        "five rows": random.normal(size=(5, 2)),
        "thirty features": random.normal(size=(200, 30)),
        "huge": _series(300) * 1e100,
        "tiny": _series(300) * 1e-100,
        "high level": 1e9 + _series(300),
        "a straight line": np.arange(400.0)[:, None],
    }
    for name, X in every.items():
        scores = kind().fit(X).anomaly_score(X)
        assert np.isfinite(scores).all(), name
    with _raises(DataError):
        kind().fit(np.zeros((1, 2)))


def check_constant_series_is_quiet(kind: Kind) -> None:
    """In a constant series nothing stands out."""
    X = np.full((500, 1), 3.3)
    scores = kind().fit(X).anomaly_score(X)
    assert np.ptp(scores) <= 1e-6 * max(1.0, float(np.abs(scores).max()))


def check_short_after_long(kind: Kind) -> None:
    """A series learnt, any length can be scored: one row, fewer than a window."""
    X = _series()
    detector = kind().fit(X)
    for n in (1, 2, 7, 40):
        assert np.isfinite(detector.anomaly_score(X[:n])).all(), n


def check_scoring_changes_nothing(kind: Kind) -> None:
    """Scoring leaves the detector as it was, and X unwritten; two fits with one seed agree to the last bit."""
    X = _series()
    detector = kind().fit(X)
    before = pickle.dumps(detector.state())
    X.flags.writeable = False
    first = detector.anomaly_score(X)
    assert np.array_equal(first, detector.anomaly_score(X))
    assert pickle.dumps(detector.state()) == before
    assert np.array_equal(first, kind().fit(X).anomaly_score(X))


def check_causal_scores_do_not_look_ahead(kind: Kind) -> None:
    """Where `is_causal`, the scores of the first rows are the same whatever comes after them."""
    detector = kind()
    if "causal" in detector.get_params():
        detector.set_params(causal=True)
    if not detector.is_causal:
        return
    X = _series()
    detector.fit(X)
    whole = detector.anomaly_score(X)
    for n in (1, 50, 700):
        np.testing.assert_allclose(detector.anomaly_score(X[:n]), whole[:n], rtol=1e-6, atol=1e-9)


def check_goes_on_as_begun(kind: Kind) -> None:
    """Of one that learns as it goes: rows in parts get what they get at once, and `anomaly_score` learns nothing."""
    if not issubclass(kind, SequentialSeriesDetector):
        return
    for X in (_series(), _series(n_features=1)):
        whole = kind().fit(X[:400]).score_partial_fit(X[400:])
        detector = kind().fit(X[:400])
        detector.anomaly_score(X[400:])
        cuts = (400, 401, 402, 700, 960, 1200)
        parts = [detector.score_partial_fit(X[start:stop]) for start, stop in zip(cuts[:-1], cuts[1:], strict=True)]
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-6, atol=1e-9)


def check_missing_values_as_declared(kind: Kind) -> None:
    """NaN is data to a detector that says so, and an error to any other; infinity is an error to all."""
    X = _series()
    holes = X.copy()
    holes[::17, 1] = np.nan
    holes[:3] = np.nan
    detector = kind()
    if detector.capabilities.missing:
        assert np.isfinite(detector.fit(holes).anomaly_score(holes)).all()
        holes[:, 1] = np.nan
        assert np.isfinite(kind().fit(holes).anomaly_score(holes)).all()
    else:
        with _raises(DataError):
            detector.fit(holes)
    with _raises(DataError):
        kind().fit(np.where(np.isnan(holes), np.inf, holes))


def check_units_do_not_matter(kind: Kind) -> None:
    """Another unit, and another zero, of all features leave the order of the scores as it is."""
    X = _series()
    scores = kind().fit_score(X)
    other = kind().fit_score(1000.0 * X + 5.0)
    assert _rank_correlation(scores, other) > 0.999


def check_reasons(kind: Kind) -> None:
    """Contributions have the shape of X, name the planted feature first, and sum to the score where that is claimed."""
    if not kind.capabilities.reasons:
        return
    name = kind.finds[0]
    X, here = _planted(name, _series(n_features=3))
    detector = kind().fit(X)
    scores = detector.anomaly_score(X)
    contributions = detector.contributions(X)
    assert contributions.shape == X.shape
    assert np.isfinite(contributions).all()
    reach = slice(max(here.start - 20, 0), here.stop + 20)
    peak = reach.start + int(np.argmax(scores[reach]))
    assert contributions[peak].argmax() == 0, contributions[peak]
    if kind.capabilities.additive:
        np.testing.assert_allclose(contributions.sum(axis=1), scores, rtol=1e-6, atol=1e-9)


def _rank_correlation(a: Vector, b: Vector) -> float:
    ranks: list[Any] = [np.argsort(np.argsort(v, kind="stable"), kind="stable") for v in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


SERIES_CHECKS: tuple[Callable[[Kind], None], ...] = (
    check_planted_kinds_are_found,
    check_scores_are_finite,
    check_any_series,
    check_constant_series_is_quiet,
    check_short_after_long,
    check_scoring_changes_nothing,
    check_causal_scores_do_not_look_ahead,
    check_goes_on_as_begun,
    check_missing_values_as_declared,
    check_units_do_not_matter,
    check_reasons,
    check_domains_cover_the_parameters,
    check_state_restores,
)


def check_series_detector(kind: Kind) -> None:
    """Run every check of the contract, the first failure raised."""
    for check in SERIES_CHECKS:
        check(kind)
