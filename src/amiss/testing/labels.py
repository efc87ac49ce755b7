"""The contract of a LabelDetector, one function a check; used as `DETECTOR_CHECKS` are."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np

from amiss.core.errors import DataError, NotFittedError, ParameterError
from amiss.core.label_detector import Kinds
from amiss.core.summary import Matrix, Vector
from amiss.testing.detectors import Kind, _raises

__all__ = ["LABEL_CHECKS", "check_label_detector", "planted_labels"]


_IN_MODEL_FILES = ("float64", "float32", "int64", "int32", "uint64", "bool")


def planted_labels(n_rows: int = 600, n_features: int = 4, *, n_kinds: int = 1, seed: int = 0) -> tuple[Matrix, Kinds]:
    """Normal rows around 0, and in ten a hundred anomalies: kind k is high in feature k − 1, but not far from all."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_rows, n_features))
    y = np.where(random.random(n_rows) < 0.1, random.integers(1, n_kinds + 1, n_rows), 0)
    y[: n_kinds + 1] = np.arange(n_kinds + 1)
    odd = np.flatnonzero(y)
    X[odd, (y[odd] - 1) % n_features] += 4.0
    return X, y


def _auc(y: Kinds, scores: Vector) -> float:
    odd, normal = scores[y > 0], scores[y == 0]
    above = (odd[:, None] > normal).mean() + 0.5 * (odd[:, None] == normal).mean()
    return float(above)


def check_planted_anomalies_are_found(kind: Kind) -> None:
    """Anomalies like those learnt rank above normal rows, among rows not learnt."""
    X, y = planted_labels()
    T, truth = planted_labels(seed=1)
    auc = _auc(truth, kind().fit(X, y).anomaly_score(T))
    assert auc > 0.9, f"ROC AUC {auc:.2f}"


def check_shuffled_labels_teach_nothing(kind: Kind) -> None:
    """Labels dealt out at random say nothing of rows not learnt; a detector that peeks would."""
    random = np.random.default_rng(0)
    found = []
    for seed in range(3):
        X, T = random.normal(size=(2, 600, 4))
        y = (random.random(600) < 0.3).astype(np.int64)
        truth = (random.random(600) < 0.3).astype(np.int64)
        params = {"random_state": seed} if "random_state" in kind().get_params() else {}
        found.append(_auc(truth, kind(**params).fit(X, y).anomaly_score(T)))
    assert abs(np.mean(found) - 0.5) < 0.06, found


def check_labels_matter(kind: Kind) -> None:
    """With the labels turned round, the order of planted rows turns round too."""
    X, y = planted_labels()
    scores = kind().fit(X, 1 - y).anomaly_score(X)
    assert _auc(y, scores) < 0.1


def check_scores_are_finite(kind: Kind) -> None:
    """Finite scores, one for each row; also for rows far from all learnt ones, one feature, and a constant one."""
    X, y = planted_labels()
    scores = kind().fit(X, y).anomaly_score(X)
    assert scores.shape == (len(X),)
    assert scores.dtype == np.float64
    tables = {
        "one feature": X[:, :1],
        "a constant feature": np.column_stack([X, np.full(len(X), 7.0)]),
        "all rows equal": np.ones((len(X), 3)),
        "tiny": X * 1e-100,
        "huge": X * 1e100,
        "mixed": X * np.array([1e-100, 1.0, 1e6, 1e100]),
        "more features than rows": np.random.default_rng(0).normal(size=(40, 60)),
        "two rows": X[:2],
    }
    for name, Z in tables.items():
        detector = kind().fit(Z, y[: len(Z)])
        for rows in (Z, Z + 100 * np.abs(Z).max(), -3 * Z):
            assert np.isfinite(detector.anomaly_score(np.ascontiguousarray(rows))).all(), name
            if kind.capabilities.reasons:
                assert np.isfinite(detector.contributions(np.ascontiguousarray(rows))).all(), name


def check_few_anomalies(kind: Kind) -> None:
    """Five anomalies in a thousand rows are enough to find their like; a single one does no harm."""
    random = np.random.default_rng(0)
    X = random.normal(size=(1000, 4))
    y = np.zeros(1000, np.int64)
    y[:5] = 1
    X[:5, 0] += 8.0
    T, truth = random.normal(size=(400, 4)), np.arange(400) < 40
    T[truth, 0] += 8.0
    auc = _auc(truth.astype(np.int64), kind().fit(X, y).anomaly_score(T))
    assert auc > 0.9, f"ROC AUC {auc:.2f}"
    y[1:5] = 0
    assert np.isfinite(kind().fit(X, y).anomaly_score(T)).all()


def check_wrong_labels_are_refused(kind: Kind) -> None:
    """One class, none, missing, negative, broken, text, a column too many, another length."""
    X, y = planted_labels(60)
    broken = y.astype(np.float64)
    broken[3] = np.nan
    wrong = (
        None, np.zeros(60), np.ones(60), 2 * y - 1, y + 0.5, np.where(y > 0, "attack", "benign"),
        np.stack([y, y], axis=1), y[:-1], y * 10**9,
    )  # fmt: skip
    for labels in wrong:
        with _raises(DataError):
            kind().fit(X, labels)
    if kind.capabilities.unlabelled:
        assert np.isfinite(kind().fit(X, broken).anomaly_score(X)).all()
    else:
        with _raises(DataError):
            kind().fit(X, broken)


def check_unlabelled_rows_are_not_taken_for_normal(kind: Kind) -> None:
    """Where it says so: hidden anomalies beside known ones rank above normal rows, and an unknown label is not 0."""
    if not kind.capabilities.unlabelled:
        return
    X, truth = planted_labels(1500)
    known = np.random.default_rng(1).random(1500) < 0.05
    y = np.where(known, truth, np.nan)
    scores = kind().fit(X, y).anomaly_score(X)
    auc = _auc(truth[~known], scores[~known])
    assert auc > 0.9, f"ROC AUC {auc:.2f}"
    assert not np.array_equal(scores, kind().fit(X, np.nan_to_num(y)).anomaly_score(X))


def check_ways_to_write_labels(kind: Kind) -> None:
    """True and False, whole numbers of any type, and lists are the same labels."""
    X, y = planted_labels(200)
    scores = kind().fit(X, y).anomaly_score(X)
    for labels in (y > 0, y.astype(np.float64), y.astype(np.uint8), y.tolist(), y.astype(object)):
        assert np.array_equal(kind().fit(X, labels).anomaly_score(X), scores)


def check_kinds_are_kept(kind: Kind) -> None:
    """Each kind of anomaly scores highest in its own column; one that no label named scores low, and does no harm."""
    X, y = planted_labels(900, n_kinds=3)
    T, truth = planted_labels(900, n_kinds=3, seed=1)
    detector = kind().fit(X, y)
    scores = detector.kind_scores(T)
    assert scores.shape == (len(T), 3)
    assert np.isfinite(scores).all()
    odd = truth > 0
    right = (scores[odd].argmax(axis=1) + 1 == truth[odd]).mean()
    assert right > 0.7, f"{right:.0%} of the kinds are right"
    assert _auc(truth, detector.anomaly_score(T)) > 0.85
    y[y == 2] = 4
    scores = kind().fit(X, y).kind_scores(T)
    assert scores.shape == (len(T), 4)
    assert np.isfinite(scores).all()
    assert (scores[:, 1] <= scores.min(axis=1)).all()
    y[y > 0] = 2
    assert (kind().fit(X, y).kind_scores(T).argmax(axis=1) == 1).all()
    y[y > 0] = 1
    detector = kind().fit(X, y)
    assert np.array_equal(detector.kind_scores(T)[:, 0], detector.anomaly_score(T))


def check_row_by_row(kind: Kind) -> None:
    """A score depends neither on the order of rows nor on the rows beside it."""
    X, y = planted_labels()
    detector = kind().fit(X, y)
    whole = detector.anomaly_score(X)
    order = np.random.default_rng(1).permutation(len(X))
    alone = np.concatenate([detector.anomaly_score(X[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(alone, whole[:20], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(detector.anomaly_score(X[order]), whole[order], rtol=1e-9, atol=1e-12)
    many = np.repeat(X[:1], 2000, axis=0)
    np.testing.assert_allclose(detector.anomaly_score(many), whole[0], rtol=1e-9, atol=1e-12)


def check_scoring_changes_nothing(kind: Kind) -> None:
    """Neither fitting nor scoring writes to X or y; scoring leaves the detector as it was; a seed says it all."""
    X, y = planted_labels()
    X.flags.writeable = y.flags.writeable = False
    detector = kind().fit(X, y)
    before = pickle.dumps(detector.state())
    first = detector.anomaly_score(X)
    assert np.array_equal(first, detector.anomaly_score(X))
    assert pickle.dumps(detector.state()) == before
    assert np.array_equal(first, kind().fit(X, y).anomaly_score(X))


def check_missing_values_as_declared(kind: Kind) -> None:
    """NaN is data to a detector that says so, and an error to any other; infinity is an error to all."""
    X, y = planted_labels()
    holes = X.copy()
    holes[::7, 1] = np.nan
    if kind.capabilities.missing:
        detector = kind().fit(holes, y)
        for rows in (holes, np.full((3, X.shape[1]), np.nan)):
            assert np.isfinite(detector.anomaly_score(rows)).all()
        # Where none was missing among the rows learnt, and where all are.
        assert np.isfinite(kind().fit(X, y).anomaly_score(holes)).all()
        holes[:, 2] = np.nan
        assert np.isfinite(kind().fit(holes, y).anomaly_score(holes)).all()
    else:
        with _raises(DataError):
            kind().fit(holes, y)
    with _raises(DataError):
        kind().fit(np.where(np.isnan(holes), np.inf, holes), y)


def check_wrong_input_is_refused(kind: Kind) -> None:
    """Another number of features, one row, and scoring before fitting."""
    X, y = planted_labels()
    with _raises(NotFittedError):
        kind().anomaly_score(X)
    with _raises(NotFittedError):
        kind().kind_scores(X)
    detector = kind().fit(X, y)
    with _raises(DataError):
        detector.anomaly_score(X[:, :2])
    with _raises(DataError):
        kind().fit(X[:1], y[:1])


def check_polarity(kind: Kind) -> None:
    """In scikit-learn's words a row is an anomaly where one is more likely than not."""
    X, y = planted_labels()
    detector = kind().fit(X, y)
    scores = detector.anomaly_score(X)
    assert np.array_equal(detector.score_samples(X), -scores)
    assert np.array_equal(detector.predict(X) == -1, scores > 0)


def check_domains(kind: Kind) -> None:
    """Every parameter has a domain, its default lies inside, and a foreign value is refused by name."""
    X, y = planted_labels(60)
    params = kind().get_params()
    assert set(kind.domains) == set(params)
    for name, domain in kind.domains.items():
        assert domain.admits(params[name]), name
        with _raises(ParameterError):
            kind().set_params(**{name: object()}).fit(X, y)


def check_state_restores(kind: Kind) -> None:
    """The state is arrays, numbers and words, and another instance takes it up exactly; so does a pickle."""
    X, y = planted_labels(900, n_kinds=3)
    detector = kind().fit(X, y)
    state = detector.state()
    for name, value in state.items():
        assert isinstance(value, (np.ndarray, np.generic, int, float, str, bool)), name
        assert str(getattr(value, "dtype", "float64")) in _IN_MODEL_FILES, name
    for again in (kind(**detector.get_params()).restore(state), pickle.loads(pickle.dumps(detector))):
        assert np.array_equal(again.anomaly_score(X), detector.anomaly_score(X))
        assert np.array_equal(again.kind_scores(X), detector.kind_scores(X))


def check_reasons(kind: Kind) -> None:
    """Contributions have the shape of X, name a planted cause first, and sum to the score where that is claimed."""
    X, y = planted_labels(1200, n_kinds=4)
    T, truth = planted_labels(1200, n_kinds=4, seed=1)
    detector = kind().fit(X, y > 0)
    if not kind.capabilities.reasons:
        with _raises(ParameterError):
            detector.contributions(T)
        return
    contributions = detector.contributions(T)
    assert contributions.shape == T.shape
    odd = truth > 0
    hits = (contributions[odd].argmax(axis=1) + 1 == truth[odd]).mean()
    assert hits > 0.8, f"the planted cause is first in {hits:.0%} of the rows"
    if kind.capabilities.additive:
        scores = detector.anomaly_score(T)
        rest = scores - contributions.sum(axis=1)
        np.testing.assert_allclose(rest, rest[0], rtol=0, atol=1e-6 * max(1.0, np.abs(scores).max()))


LABEL_CHECKS: tuple[Callable[[Kind], None], ...] = (
    check_planted_anomalies_are_found,
    check_shuffled_labels_teach_nothing,
    check_labels_matter,
    check_scores_are_finite,
    check_few_anomalies,
    check_wrong_labels_are_refused,
    check_unlabelled_rows_are_not_taken_for_normal,
    check_ways_to_write_labels,
    check_kinds_are_kept,
    check_row_by_row,
    check_scoring_changes_nothing,
    check_missing_values_as_declared,
    check_wrong_input_is_refused,
    check_polarity,
    check_domains,
    check_state_restores,
    check_reasons,
)


def check_label_detector(kind: Kind) -> None:
    """Run every check of the contract, the first failure raised."""
    for check in LABEL_CHECKS:
        check(kind)
