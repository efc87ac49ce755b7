"""Detectors of scikit-learn and PyOD by their import path, and `contamination` where users bring it along."""

from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
import warnings

import msgspec
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

import amiss
from amiss.core.catalog import detector_class, detector_names, own_name
from amiss.core.errors import DataError, MissingExtraError, ModelFileError, ParameterError
from amiss.core.extras import EXTRAS
from amiss.pipeline.recipe import Recipe
from amiss.testing import DETECTOR_CHECKS

FOREIGN = {
    "sklearn.ensemble.IsolationForest": (IsolationForest, {"n_estimators": 30, "random_state": 3}),
    "sklearn.neighbors.LocalOutlierFactor": (LocalOutlierFactor, {"n_neighbors": 12, "novelty": True}),
    "sklearn.covariance.EllipticEnvelope": (EllipticEnvelope, {"random_state": 1}),
    "sklearn.svm.OneClassSVM": (OneClassSVM, {"nu": 0.2}),
    "sklearn.mixture.GaussianMixture": (GaussianMixture, {"n_components": 1, "random_state": 0}),
}
PYOD = [
    "pyod.models.knn.KNN",
    "pyod.models.iforest.IForest",
    "pyod.models.lof.LOF",
    "pyod.models.ecod.ECOD",
    "pyod.models.hbos.HBOS",
]
needs_pyod = pytest.mark.skipif(
    importlib.util.find_spec("pyod") is None,
    reason="PyOD is not installed: too heavy for the tests, see the extra of that name",
)
# These ask for what a foreign detector does not promise: its state in arrays, a domain for each of its parameters,
# and numbers that float32, to which scikit-learn's trees convert, cannot hold.
NOT_FOR_FOREIGN = {
    "check_state_restores",
    "check_scoring_changes_nothing",
    "check_domains_cover_the_parameters",
    "check_huge_and_tiny_values",
    "check_reasons_are_finite",
}


@pytest.fixture
def X():
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 3)) @ random.normal(size=(3, 3))
    X[7] += 12
    return X


@pytest.mark.parametrize("path", FOREIGN)
def test_scores_are_the_library_s_own_turned_round(path, X):
    kind, params = FOREIGN[path]
    detector = detector_class(path)(sample_size=None, **params).fit(X)
    rows = detector.summarize(X).sample.rows
    np.testing.assert_array_equal(detector.anomaly_score(X), -kind(**params).fit(rows).score_samples(X))
    assert detector.anomaly_score(X).argmax() == 7


@pytest.mark.parametrize("check", [c for c in DETECTOR_CHECKS if c.__name__ not in NOT_FOR_FOREIGN])
@pytest.mark.parametrize("path", ["sklearn.ensemble.IsolationForest", "sklearn.neighbors.LocalOutlierFactor"])
def test_contract(path, check):
    kind = detector_class(path)

    class Seeded(kind):
        def __init__(self, sample_size=20_000, **params):
            super().__init__(sample_size, **({"random_state": 0} if hasattr(kind(), "random_state") else {}) | params)

    with warnings.catch_warnings():
        # scikit-learn warns of copies among the rows.
        warnings.simplefilter("ignore", UserWarning)
        check(Seeded)


@pytest.mark.parametrize("path", ["sklearn.ensemble.IsolationForest", "sklearn.neighbors.LocalOutlierFactor"])
def test_detect_fit_and_reasons_with_a_foreign_detector(path, X):
    X[11, 2] = np.nan
    result = amiss.detect(X, detector=path)
    assert int(result.top(1)["row"][0]) == 7
    assert "column_" in result.explain(7).reason
    model = amiss.fit(X, detector=path, false_alarms="5%")
    assert model.score(np.array([[0.0, 0, 0], [30, 30, 30]])).is_anomaly.tolist() == [False, True]


def test_the_seed_of_the_recipe_reaches_the_foreign_detector(X):
    def scores(seed):
        return amiss.detect(X, detector="sklearn.ensemble.IsolationForest", seed=seed).scores

    assert np.array_equal(scores(1), scores(1))
    assert not np.array_equal(scores(1), scores(2))


def test_a_foreign_detector_is_cloned_and_pickled(X):
    detector = detector_class("sklearn.ensemble.IsolationForest")(n_estimators=10, random_state=0)
    again = clone(detector)
    assert again.get_params() == detector.get_params()
    assert repr(again) == "sklearn.ensemble.IsolationForest(n_estimators=10, random_state=0)"
    restored = pickle.loads(pickle.dumps(detector.fit(X)))
    before = X.copy()
    assert np.array_equal(restored.anomaly_score(X), detector.anomaly_score(X))
    assert np.array_equal(X, before)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("os.path.join", "sklearn.ensemble.IsolationForest"),
        ("subprocess.Popen", "sklearn.ensemble.IsolationForest"),
        ("sklearn.ensemble._iforest.IsolationForest", "sklearn.ensemble.IsolationForest"),
        ("sklearn.ensemble.IsolationForrest", "did you mean 'IsolationForest'"),
        ("sklearn.ensembl.IsolationForest", "did you mean 'ensemble'"),
        ("sklearn.ensemble.RandomForestClassifier", "is no detector of anomalies"),
        ("sklearn.linear_model.LogisticRegression", "is no detector of anomalies"),
        ("sklearn.pipeline.Pipeline", "cannot be made from a recipe: it asks for steps"),
        ("sklearn.IsolationForest", "there is no detector"),
    ],
)
def test_wrong_paths_are_refused_by_name(path, words):
    with pytest.raises(ParameterError, match=words):
        detector_class(path)


def test_a_path_imports_nothing_but_the_two_libraries(tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for path in ("trap.Detector", "trap.models.Detector", "sklearn.trap.Detector"):
        with pytest.raises(ParameterError):
            detector_class(path)
    assert "trap" not in sys.modules


def test_parameters_of_any_name_are_the_foreign_ones(X, monkeypatch):
    import sklearn.ensemble

    class Named(IsolationForest):
        def __init__(self, method="x", path="y", foreign=1, sign=2, fitted=3, random_state=0):
            self.method, self.path, self.foreign, self.sign, self.fitted = method, path, foreign, sign, fitted
            super().__init__(random_state=random_state)

    monkeypatch.setattr(sklearn.ensemble, "Named", Named, raising=False)
    detector = detector_class("sklearn.ensemble.Named")(sample_size=None, method="z").fit(X)
    rows = detector.summarize(X).sample.rows
    np.testing.assert_array_equal(
        detector.anomaly_score(X), -IsolationForest(random_state=0).fit(rows).score_samples(X)
    )
    assert detector.get_params()["method"] == "z"


def test_what_a_library_prints_does_not_stand_among_the_data(X, monkeypatch, capsys):
    import sklearn.ensemble

    class Loud(IsolationForest):
        def fit(self, X, y=None):
            print("loud")
            return super().fit(X)

    monkeypatch.setattr(sklearn.ensemble, "Loud", Loud, raising=False)
    detector_class("sklearn.ensemble.Loud")().fit(X)
    assert capsys.readouterr().out == ""


def test_foreign_errors_are_worded(X):
    forest = "sklearn.ensemble.IsolationForest"
    with pytest.raises(ParameterError, match="n_estimators"):
        amiss.detect(X, detector=forest, params={"n_estimators": -1})
    with pytest.raises(ParameterError, match="n_trees"):
        amiss.detect(X, detector=forest, params={"n_trees": 5})
    with pytest.raises(DataError, match=r"GaussianMixture cannot learn from the rows: .*n_samples"):
        amiss.detect(X[:20], detector="sklearn.mixture.GaussianMixture", params={"n_components": 50})


def test_a_library_that_is_absent_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyod", None)
    with pytest.raises(MissingExtraError, match=r"amiss\[pyod\]"):
        detector_class("pyod.models.nothing.Nothing")
    assert EXTRAS["pyod"] == "pyod"


def test_a_model_by_a_foreign_detector_is_not_saved(X, tmp_path):
    forest = amiss.fit(X, detector="sklearn.ensemble.IsolationForest", params={"n_estimators": 5}, false_alarms="5%")
    with pytest.raises(ParameterError, match="isolation_forest") as caught:
        forest.save(tmp_path / "m.amiss")
    assert "nothing that can run" in str(caught.value)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ParameterError):
        forest.detector.state()


def test_the_command_line_says_so_before_it_learns(X, tmp_path):
    np.savetxt(tmp_path / "x.csv", X, delimiter=",", header="a,b,c", comments="")
    words = ["fit", "x.csv", "-o", "m.amiss", "--detector", "sklearn.svm.OneClassSVM"]
    done = subprocess.run([sys.executable, "-m", "amiss", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "one_class_svm" in done.stderr
    words = ["detect", "x.csv", "--format", "json", "--detector", "sklearn.ensemble.IsolationForest"]
    done = subprocess.run([sys.executable, "-m", "amiss", *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert msgspec.json.decode(done.stdout)["anomalies"][0]["row"] == 7


def test_a_model_file_makes_nobody_import_a_foreign_detector(X, tmp_path):
    from amiss.pipeline import model_file

    model = amiss.fit(X, detector="isolation_forest", false_alarms="5%")
    model.recipe = msgspec.structs.replace(model.recipe, detector="sklearn.ensemble.IsolationForest")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_file, "check_saves", lambda recipe: None)
        model.save(tmp_path / "m.amiss")
    with pytest.raises(ModelFileError, match="no detector of another library"):
        amiss.load(tmp_path / "m.amiss")


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("pyod.models.knn.KNN", "knn"),
        ("pyod.models.iforest.IForest", "isolation_forest"),
        ("sklearn.neighbors.LocalOutlierFactor", "lof"),
        ("sklearn.svm.OneClassSVM", "one_class_svm"),
        ("sklearn.mixture.GaussianMixtures", None),
    ],
)
def test_own_detectors_by_foreign_names(path, own):
    assert own_name(path) == own
    assert own is None or own in detector_names()


# contamination ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("detector", ["isolation_forest", "sklearn.ensemble.IsolationForest"])
def test_contamination_is_read_as_a_share_of_false_alarms(detector, X):
    result = amiss.detect(X, detector=detector, params={"contamination": 0.05})
    assert result.n_anomalies == 15
    assert result.promise.asked == "5% of the rows"
    assert any("contamination 0.05 is read as false_alarms 0.05" in note for note in result.notes)
    plain = amiss.detect(X, detector=detector)
    assert np.array_equal(plain.scores, result.scores)
    assert not any("contamination" in note for note in plain.notes)


def test_false_alarms_go_before_contamination(X):
    result = amiss.detect(X, detector="knn", params={"contamination": 0.2}, false_alarms="2%")
    assert result.n_anomalies == 6
    assert any("contamination 0.2 is left aside" in note for note in result.notes)


def test_contamination_lives_on_in_a_model_file(X, tmp_path):
    model = amiss.fit(X, detector="knn", params={"contamination": 0.1})
    model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss")
    assert again.recipe == model.recipe
    assert again.promise.asked == "10% of the rows"
    assert any("contamination" in note for note in again.score(X).notes)


@pytest.mark.parametrize("share", [0.0, 0.7, 1, -0.1, "much", True])
def test_impossible_contamination_is_refused(share):
    with pytest.raises(ParameterError, match="contamination"):
        Recipe(params={"contamination": share}).checked()


def test_automatic_contamination_says_nothing(X):
    result = amiss.detect(X, detector="sklearn.ensemble.IsolationForest", params={"contamination": "auto"})
    assert result.promise.asked == amiss.detect(X).promise.asked
    assert result.notes == amiss.detect(X).notes


# PyOD -------------------------------------------------------------------------------------------------------------


@needs_pyod
@pytest.mark.parametrize("path", PYOD)
def test_scores_are_pyod_s_own(path, X):
    kind = detector_class(path)
    params = {"random_state": 0} if hasattr(kind(), "random_state") else {}
    detector = kind(sample_size=None, **params).fit(X)
    rows = detector.summarize(X).sample.rows
    np.testing.assert_allclose(detector.anomaly_score(X), kind._foreign(**params).fit(rows).decision_function(X))
    # Two rows that are each other's neighbour share a score: one row fewer then raises an alarm.
    assert 28 <= amiss.detect(X, detector=path, params={"contamination": 0.1}).n_anomalies <= 30


@needs_pyod
def test_wrong_names_in_pyod_are_refused():
    with pytest.raises(ParameterError, match="did you mean 'KNN'"):
        detector_class("pyod.models.knn.KNNN")
    with pytest.raises(ParameterError, match="did you mean 'knn'"):
        detector_class("pyod.models.knnn.KNN")
    with pytest.raises(ParameterError, match="is no detector"):
        detector_class("pyod.models.knn.NearestNeighbors")
