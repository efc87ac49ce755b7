"""The model file: whole and exact, or refused."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

import amiss
from amiss.core.errors import ConnectorError, ModelFileError
from amiss.datasets import make_plant
from amiss.pipeline import model_file

TABLE = make_plant(n_pumps=2, n_days=7, seed=1).frame.table


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.amiss"
    amiss.fit(TABLE, kind="table", false_alarms="2%").save(path)
    return path


@pytest.fixture
def parts(saved):
    with zipfile.ZipFile(saved) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def seal(manifest):
    """The bytes of a manifest with the right checksum, as far as it is a manifest at all."""
    try:
        whole = msgspec.convert(manifest, model_file._Manifest)
    except msgspec.ValidationError:
        return json.dumps(manifest).encode()
    return msgspec.json.encode(msgspec.structs.replace(whole, sha256=whole.checksum()))


def write(path, parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def refused(path, words):
    with pytest.raises(ModelFileError, match=words) as caught:
        amiss.load(path)
    assert caught.value.exit_code == 4


def test_a_loaded_model_is_the_saved_one(saved):
    model, again = amiss.fit(TABLE, kind="table", false_alarms="2%"), amiss.load(saved)
    a, b = model.score(TABLE), again.score(TABLE)
    np.testing.assert_array_equal(a.scores, b.scores)
    np.testing.assert_array_equal(a.p_values, b.p_values)
    assert [e.reason for e in a.explain_top(9)] == [e.reason for e in b.explain_top(9)]
    assert again.recipe == model.recipe
    assert again.schema == model.schema
    assert again.promise == model.promise
    assert again.kind == "table"
    assert a.events == b.events


def test_equal_models_give_equal_files(saved, tmp_path):
    amiss.fit(TABLE, kind="table", false_alarms="2%").save(tmp_path / "m.amiss")
    assert (tmp_path / "m.amiss").read_bytes() == saved.read_bytes()


def test_nothing_in_it_can_run(parts):
    manifest = json.loads(parts["manifest.json"])
    assert manifest["format"] == "amiss-model"
    assert set(manifest) >= {"format_version", "recipe", "schema", "libraries", "arrays", "amiss_version"}
    assert set(parts) == {"manifest.json", *(f"{name}.npy" for name in manifest["arrays"])}
    for name, data in parts.items():
        if name.endswith(".npy"):
            np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
            assert b"numpy." not in data


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_cut_files(saved, tmp_path, share):
    data = saved.read_bytes()
    path = tmp_path / "cut.amiss"
    path.write_bytes(data[: int(share * len(data))])
    refused(path, "no model file")


def test_a_flipped_byte_anywhere_is_noticed(saved, tmp_path):
    data = saved.read_bytes()
    expected = amiss.load(saved).score(TABLE).scores
    random = np.random.default_rng(0)
    path = tmp_path / "flipped.amiss"
    for place in random.integers(0, len(data), 60):
        spoilt = bytearray(data)
        spoilt[place] ^= 1 << int(random.integers(8))
        path.write_bytes(bytes(spoilt))
        try:
            model = amiss.load(path)
        except ModelFileError:
            continue
        # Some bytes of a zip's directory carry nothing: the model is then the whole one.
        np.testing.assert_array_equal(model.score(TABLE).scores, expected)


def test_files_that_are_something_else(tmp_path):
    for name, data in {"text": b"hello", "empty": b"", "pickle": b"\x80\x04cos\nsystem\n."}.items():
        path = tmp_path / name
        path.write_bytes(data)
        refused(path, "no model file")
    refused(write(tmp_path / "zip", {"a.txt": b"x"}), "no manifest")
    refused(write(tmp_path / "other", {"manifest.json": b'{"format": "x"}'}), "no model file of amiss")
    refused(write(tmp_path / "list", {"manifest.json": b"[1]"}), "no model file of amiss")
    refused(write(tmp_path / "json", {"manifest.json": b"{"}), "does not hold a sound model")
    refused(tmp_path / "none.amiss", "cannot be opened")
    refused(tmp_path, "cannot be opened")


@pytest.mark.parametrize(
    "change", [{"kind": "zzz"}, {"fill_missing": True}, {"facts": {"name": "x", "n_rows": 5}}, {"words": {}}]
)
def test_an_edited_manifest_is_refused(parts, tmp_path, change):
    manifest = json.loads(parts["manifest.json"]) | change
    refused(write(tmp_path / "m", parts | {"manifest.json": json.dumps(manifest).encode()}), "was edited")


@pytest.mark.parametrize(("name", "value"), [("rate", 7.0), ("n_calibration", 10**9), ("rate", "x")])
def test_numbers_that_no_model_has(parts, tmp_path, name, value):
    manifest = json.loads(parts["manifest.json"])
    manifest["numbers"][f"threshold/{name}"] = value
    refused(write(tmp_path / "m", parts | {"manifest.json": seal(manifest)}), "fit together|sound model")


def test_files_of_the_first_format_still_load():
    """A file that version 0.1 wrote: no tail, no version of the promise, a recipe with fewer fields."""
    model = amiss.load(Path(__file__).parent / "format_1.amiss")
    X = np.random.default_rng(0).normal(size=(60, 2))
    assert model.promise.version == 1
    assert not model.promise.model_based
    result = model.score(X)
    expected = (1 + (result.scores[:, None] <= model.threshold.values_).sum(axis=1)) / 61
    np.testing.assert_allclose(result.p_values, expected)
    assert model.with_false_alarms("5%").promise.version == 2


def test_the_promise_and_its_version_are_in_the_file(saved, tmp_path):
    changed = amiss.load(saved).with_false_alarms("5%").with_false_discoveries("10%")
    changed.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss")
    assert again.promise == changed.promise
    assert again.promise.version == 3
    np.testing.assert_array_equal(again.score(TABLE).is_anomaly, changed.score(TABLE).is_anomaly)


@pytest.mark.parametrize(
    ("name", "value"), [("weight", [2.0]), ("scale", [-1.0]), ("shape", [0.0]), ("weight", [0.5, 0.5])]
)
def test_tails_that_are_none(parts, tmp_path, name, value):
    one = {"weight": [1.0], "scale": [1.0], "shape": [0.1]} | {name: value}
    for part, values in one.items():
        parts = _with_array(parts, f"threshold/tail.{part}", np.array(values))
    refused(write(tmp_path / "m", parts), "sound model")


def test_later_format(parts, tmp_path):
    manifest = json.loads(parts["manifest.json"]) | {"format_version": 99}
    refused(write(tmp_path / "m", parts | {"manifest.json": seal(manifest)}), "format 99")


def test_parts_too_many_or_missing(parts, tmp_path):
    refused(write(tmp_path / "m", parts | {"../../evil.py": b"x"}), "not those of its manifest")
    name = next(name for name in parts if name.endswith(".npy"))
    refused(write(tmp_path / "m", {k: v for k, v in parts.items() if k != name}), "not those of its manifest")


def test_a_changed_array_is_noticed(parts, tmp_path):
    name = "reasons/low.npy"
    refused(write(tmp_path / "m", parts | {name: parts[name][:-8] + b"\x01" * 8}), "damaged|checksum")


def _with_array(parts, key, array, **facts):
    """A hostile file with right checksums."""
    import hashlib

    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=array.dtype == object)
    manifest = json.loads(parts["manifest.json"])
    manifest["arrays"][key] = {
        "dtype": str(array.dtype), "shape": list(array.shape), "sha256": hashlib.sha256(stream.getvalue()).hexdigest(),
    } | facts  # fmt: skip
    return parts | {"manifest.json": seal(manifest), f"{key}.npy": stream.getvalue()}


@pytest.mark.parametrize(
    ("detector", "name", "spoil", "said"),
    [
        ("isolation_forest", "split_", lambda a: a + np.int32(10**6), "leads out"),
        ("isolation_forest", "split_", lambda a: a[:, :5].copy(), "do not fit together"),
        ("extended_isolation_forest", "feature_", lambda a: a + np.int32(10**6), "leads out"),
        ("extended_isolation_forest", "weight_", lambda a: a[:, :, :1].copy(), "do not fit together"),
        ("inne", "centers_", lambda a: a[:, :1].copy(), "do not fit together"),
        ("ecod", "n_present_", lambda a: a + 10**6, "do not fit together"),
        ("copod", "skewness_", lambda a: a[:1].copy(), "do not fit together"),
        ("hbos", "surprise_", lambda a: a[:1].copy(), "do not fit together"),
        ("loda", "feature_", lambda a: a + np.int32(10**6), "do not fit together"),
        ("knn", "reference_", lambda a: a[:, :1].copy(), "do not fit together"),
        ("lof", "reach_", lambda a: a[:3].copy(), "sound model"),
    ],
)  # fmt: skip
def test_hostile_arrays_of_compiled_loops(tmp_path, detector, name, spoil, said):
    path = tmp_path / "m"
    amiss.fit(TABLE, kind="table", detector=detector).save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    array = np.lib.format.read_array(io.BytesIO(parts[f"detector/{name}.npy"]))
    refused(write(path, _with_array(parts, f"detector/{name}", spoil(array))), said)


def test_hostile_arrays(parts, tmp_path):
    path = tmp_path / "m"
    rows = np.lib.format.read_array(io.BytesIO(parts["detector/rows_.local.npy"]))
    refused(write(path, _with_array(parts, "detector/rows_.local", rows[:, :1].copy())), "do not fit together")
    refused(write(path, _with_array(parts, "reasons/low", np.zeros(99))), "do not fit together")
    refused(write(path, _with_array(parts, "reasons/low", np.array([{}], object))), "type or shape")
    refused(write(path, _with_array(parts, "reasons/low", np.zeros(3), shape=[10**12])), "larger than any")
    refused(
        write(path, _with_array(parts, "reasons/low", np.zeros(3), dtype="int64")),
        "not what the manifest says",
    )
    refused(write(path, _with_array(parts, "detector/rows_.trusted", np.zeros((4, 99)))), "sound model")


def test_a_bomb_is_not_unpacked(parts, tmp_path):
    refused(
        write(
            tmp_path / "m",
            _with_array(parts, "reasons/low", np.zeros(3)) | {"reasons/low.npy": bytes(50 << 20)},
        ),
        "larger than it may be",
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"detector": "os.system"}, "no detector"),
        ({"detector": "knn"}, "sound model"),
        ({"detector": 7}, "sound model"),
        ({"params": {"__class__": "x"}}, "sound model|Invalid parameter"),
        ({"unknown": 1}, "sound model"),
    ],
)
def test_hostile_recipes(parts, tmp_path, change, words):
    manifest = json.loads(parts["manifest.json"])
    manifest["recipe"] |= change
    refused(write(tmp_path / "m", parts | {"manifest.json": seal(manifest)}), words)


def test_saving_fails_whole(tmp_path):
    model = amiss.fit(pl.DataFrame({"x": np.random.default_rng(0).normal(size=50)}))
    with pytest.raises(ConnectorError, match="no such folder"):
        model.save(tmp_path / "none" / "m.amiss")
    assert os.listdir(tmp_path) == []


FORGED = [
    ("preparation/scale", 0.0), ("preparation/scale", np.nan), ("preparation/scale", np.inf),
    ("preparation/scale", -1.0), ("preparation/location", np.nan), ("preparation/fill", np.inf),
    ("preparation/share.0", -1.0), ("preparation/share.0", np.nan), ("reasons/low", np.nan),
    ("reasons/missing", 2.0), ("reasons/precision", 0.0), ("reasons/precision", np.nan), ("reasons/kept_line", 99),
    ("reasons/kept_line", -2), ("threshold/values", np.nan), ("threshold/values", np.inf),
    ("detector/usual_", np.nan), ("detector/precision_", np.nan),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), FORGED)
def test_values_that_no_model_has(parts, tmp_path, key, value):
    array = np.lib.format.read_array(io.BytesIO(parts[f"{key}.npy"]))
    forged = _with_array(parts, key, np.full_like(array, value))
    refused(write(tmp_path / "m", forged), "no model has|sound model|does not score|fit together")


def test_lengths_and_digits_that_no_model_has(parts, tmp_path):
    fill = np.lib.format.read_array(io.BytesIO(parts["preparation/fill.npy"]))
    refused(write(tmp_path / "m", _with_array(parts, "preparation/fill", fill[:-1].copy())), "fit together")
    manifest = json.loads(parts["manifest.json"])
    manifest["numbers"]["detector/local_spread_"] = 0.0
    refused(write(tmp_path / "m", parts | {"manifest.json": seal(manifest)}), "does not score")
    for decimals in (-3, 10**6):
        manifest = json.loads(parts["manifest.json"])
        manifest["schema"]["columns"][2]["decimals"] = decimals
        refused(write(tmp_path / "m", parts | {"manifest.json": seal(manifest)}), "no model has")


@pytest.mark.parametrize("detector", ["knn", "isolation_forest", "mahalanobis", "hbos", "pca", "kde", "gmm"])
def test_a_detector_of_nothing_but_nan_is_refused(tmp_path, detector):
    path = tmp_path / "m"
    amiss.fit(TABLE, kind="table", detector=detector).save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    for name in [name.removesuffix(".npy") for name in parts if name.startswith("detector/")]:
        array = np.lib.format.read_array(io.BytesIO(parts[f"{name}.npy"]))
        if array.dtype.kind == "f" and array.size:
            parts = _with_array(parts, name, np.full_like(array, np.nan))
    refused(write(path, parts), "sound model|does not score")
