"""The model file: a zip of a manifest and arrays. Nothing in it can run."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import math
import os
import platform
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss import __version__
from amiss.core.catalog import detector_class, own_name
from amiss.core.errors import AmissError, ModelFileError, ParameterError
from amiss.core.schema import Schema
from amiss.explain.reasons import Reasons
from amiss.io.files.sink import replaced
from amiss.pipeline.kept_traffic import arrays_of, traffic_of, words_of
from amiss.pipeline.live_ranker import LiveRanker
from amiss.pipeline.model import Facts, Model
from amiss.pipeline.network_model import NetworkModel
from amiss.pipeline.packed import pack, unpack
from amiss.pipeline.ranker import Ranker
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.series_model import SeriesModel
from amiss.pipeline.soundness import check_sound
from amiss.prepare.preparation import Preparation
from amiss.thresholds.chances import Chances
from amiss.thresholds.conformal import Conformal
from amiss.thresholds.notice_threshold import NoticeThreshold
from amiss.thresholds.peaks import PeakThreshold

__all__ = ["FORMAT_VERSION", "check_saves", "load", "save"]

FORMAT_VERSION = 2
_READS = (1, 2)
_MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 64 << 20
_LARGEST_ARRAY = 2 << 30
_MOST_ARRAYS = 10_000
_DTYPES = ("float64", "float32", "int64", "int32", "uint64", "uint8", "int8", "bool")
_LIBRARIES = ("numpy", "polars", "scikit-learn")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class _ArrayFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    shape: tuple[int, ...]
    sha256: str


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    format: str
    format_version: int
    amiss_version: str
    python_version: str
    libraries: dict[str, str]
    kind: str
    facts: Facts
    recipe: Recipe
    schema: Schema
    fill_missing: bool
    words: dict[str, Any]
    numbers: dict[str, float | int | str | bool]
    arrays: dict[str, _ArrayFacts]
    sha256: str = ""

    def checksum(self) -> str:
        """Of everything in the manifest but itself."""
        return _checksum(msgspec.json.decode(msgspec.json.encode(self)))


def _checksum(head: dict[str, Any]) -> str:
    """Of a manifest as it is written, whatever fields this version knows beside: records in order, mappings sorted."""
    rest = {**head, "sha256": ""}
    rest |= {name: _sorted(head[name]) for name in ("libraries", "words", "numbers", "arrays")}
    recipe = dict(head["recipe"])
    rest["recipe"] = recipe | {name: _sorted(recipe[name]) for name in ("params", "limits", "roles") if name in recipe}
    return hashlib.sha256(msgspec.json.encode(rest)).hexdigest()


def _sorted(mapping: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(mapping.items()))


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write `model` to `path`, whole or not at all; equal models give equal bytes.

    Raises
    ------
    ParameterError
        Its detector is another library's.
    """
    check_saves(model.recipe)
    arrays: dict[str, npt.NDArray[Any]] = {}
    numbers: dict[str, float | int | str | bool] = {}
    for part, state in _states(model).items():
        for name, value in state.items():
            if isinstance(value, np.ndarray):
                arrays[f"{part}/{name}"] = np.asarray(value, order="C")
            else:
                numbers[f"{part}/{name}"] = value.item() if isinstance(value, np.generic) else value
    packed = {name: _pack(array) for name, array in arrays.items()}
    manifest = _Manifest(
        format="amiss-model",
        format_version=FORMAT_VERSION,
        amiss_version=__version__,
        python_version=platform.python_version(),
        libraries={name: importlib.metadata.version(name) for name in _LIBRARIES},
        kind=model.kind,
        facts=model.facts,
        recipe=model.recipe,
        schema=model.schema,
        fill_missing=model.preparation.fill_missing,
        words=_words(model),
        numbers=numbers,
        arrays={
            name: _ArrayFacts(str(arrays[name].dtype), arrays[name].shape, hashlib.sha256(data).hexdigest())
            for name, data in packed.items()
        },
    )
    manifest = msgspec.structs.replace(manifest, sha256=manifest.checksum())
    with (
        replaced(path) as aside,
        zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target,
    ):
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        target.writestr(zipfile.ZipInfo(_MANIFEST, _EPOCH), text, zipfile.ZIP_DEFLATED)
        for name, data in packed.items():
            target.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), data, zipfile.ZIP_DEFLATED)


def check_saves(recipe: Recipe) -> None:
    """Raise where a model by `recipe` cannot be saved: what the detector learns are objects, not arrays."""
    if detector_class(recipe.detector).capabilities.saves:
        return
    own = own_name(recipe.detector)
    raise ParameterError(
        f"a model by {recipe.detector} cannot be saved: a model file holds arrays and nothing that can run",
        where="detector of the recipe",
        mend=f"use amiss's own: {own}" if own else "use a detector of amiss itself, or keep the model in memory",
    )


def _states(model: Model) -> dict[str, dict[str, Any]]:
    if isinstance(model, SeriesModel):
        rankers = model.rankers.values()
        learnt = {"detectors": pack([ranker.detector.state() for ranker in rankers])}
        learnt["rankers"] = pack([ranker.numbers() for ranker in rankers])
    else:
        learnt = {"detector": {k: v for k, v in model.detector.state().items() if k != "feature_names_in_"}}
        learnt |= {"usual": arrays_of(model.usual)} if isinstance(model, NetworkModel) else {}
    return {
        "preparation": model.preparation.state(),
        **learnt,
        "reasons": model.reasons.state(),
        "threshold": model.threshold.state(),
        "chances": {} if model.chances is None else model.chances.state(),
    }


def _words(model: Model) -> dict[str, Any]:
    words = model.preparation.words()
    if isinstance(model, SeriesModel):
        return words | {"members": list(model.rankers)}
    if isinstance(model, NetworkModel):
        return words | {"usual": words_of(model.usual)}
    return words | ({"label_kinds": list(model.kinds)} if model.kinds else {})


def _pack(array: npt.NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    return stream.getvalue()


def load(path: str | os.PathLike[str]) -> Model:
    """The model in the file at `path`.

    Raises
    ------
    ModelFileError
        It is not there, may not be read, is no model file, cut, damaged, hostile, or of a later format.
    """
    name = os.fspath(path)
    try:
        with Path(path).open("rb") as stream:
            return _load(stream, name)
    except ModelFileError:
        raise
    except OSError as error:
        what = f"the model file cannot be opened: {error.strerror or error}"
        raise ModelFileError(what, where=name, mend="check the path; amiss fit FILE -o MODEL makes one") from error


def _load(stream: io.BufferedReader, name: str) -> Model:
    try:
        with zipfile.ZipFile(stream) as archive:
            manifest = _read_manifest(archive, name)
            arrays = {key: _read_array(archive, key, facts) for key, facts in manifest.arrays.items()}
        return _assemble(manifest, arrays)
    except ModelFileError as error:
        raise ModelFileError(error.what, where=error.where or name, mend=error.mend) from error
    except zipfile.BadZipFile as error:
        raise ModelFileError(
            "this is no model file, or it is cut",
            where=name,
            mend="fit the model again, or copy the file again",
        ) from error
    except (AmissError, ValueError, KeyError, TypeError, IndexError, AttributeError, NotImplementedError,
            RuntimeError, EOFError, OverflowError, MemoryError) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelFileError(f"the model file does not hold a sound model: {reason}", where=name) from error


def _read_manifest(archive: zipfile.ZipFile, where: str) -> _Manifest:
    infos = {info.filename: info for info in archive.infolist()}
    if len(infos) != len(archive.infolist()) or len(infos) > _MOST_ARRAYS:
        raise ModelFileError("the model file holds a part twice, or far too many")
    if _MANIFEST not in infos:
        raise ModelFileError("this zip file holds no manifest, so it is no model file of amiss")
    text = _read_part(archive, infos[_MANIFEST], _LARGEST_MANIFEST)
    head = msgspec.json.decode(text)
    if not isinstance(head, dict) or head.get("format") != "amiss-model":
        raise ModelFileError("this zip file is no model file of amiss")
    if head.get("format_version") not in _READS:
        raise ModelFileError(
            f"the model file has format {head.get('format_version')!r}, this version reads up to {FORMAT_VERSION}",
            where=where,
            mend="update amiss, or fit the model again",
        )
    manifest = msgspec.convert(head, _Manifest)
    if _checksum(head) != manifest.sha256:
        raise ModelFileError("the manifest is damaged or was edited: its checksum is wrong", mend="fit the model again")
    expected = {f"{key}.npy" for key in manifest.arrays} | {_MANIFEST}
    if set(infos) != expected:
        odd = sorted(set(infos) ^ expected)[:3]
        raise ModelFileError(f"the parts of the model file are not those of its manifest: {', '.join(odd)}")
    return manifest


def _read_part(archive: zipfile.ZipFile, info: zipfile.ZipInfo, largest: int) -> bytes:
    if info.file_size > largest or info.flag_bits & 1:
        raise ModelFileError(f"part {info.filename!r} is larger than it may be, or encrypted")
    try:
        with archive.open(info) as part:
            data = part.read(largest + 1)
    except Exception as error:  # a damaged stream can raise almost anything
        raise ModelFileError(f"part {info.filename!r} is damaged: {error}") from error
    if len(data) != info.file_size:
        raise ModelFileError(f"part {info.filename!r} is not as long as it says")
    return data


def _read_array(archive: zipfile.ZipFile, key: str, facts: _ArrayFacts) -> npt.NDArray[Any]:
    if facts.dtype not in _DTYPES or any(n < 0 for n in facts.shape) or len(facts.shape) > 3:
        raise ModelFileError(f"array {key!r} has a type or shape that no model has")
    size = math.prod(facts.shape) * np.dtype(facts.dtype).itemsize
    if size > _LARGEST_ARRAY:
        raise ModelFileError(f"array {key!r} is larger than any model's")
    data = _read_part(archive, archive.getinfo(f"{key}.npy"), size + 4096)
    if hashlib.sha256(data).hexdigest() != facts.sha256:
        raise ModelFileError(f"array {key!r} is damaged: its checksum is wrong", mend="copy the file again")
    array: npt.NDArray[Any] = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    if str(array.dtype) != facts.dtype or array.shape != facts.shape:
        raise ModelFileError(f"array {key!r} is not what the manifest says")
    return np.ascontiguousarray(array).reshape(facts.shape)


def _assemble(manifest: _Manifest, arrays: dict[str, npt.NDArray[Any]]) -> Model:
    def part(name: str) -> dict[str, Any]:
        both: dict[str, Any] = {**manifest.numbers, **arrays}
        return {k.removeprefix(f"{name}/"): v for k, v in both.items() if k.startswith(f"{name}/")}

    if "." in manifest.recipe.detector:
        # Before any name is looked up: a file must not make this process import what it likes.
        raise ModelFileError(
            f"no detector of another library is in a model file, and this names {manifest.recipe.detector!r}"
        )
    preparation = Preparation(manifest.schema, fill_missing=manifest.fill_missing)
    preparation.restore(part("preparation"), manifest.words)
    recipe = manifest.recipe.checked()
    shared: dict[str, Any] = {
        "recipe": manifest.recipe, "kind": manifest.kind, "facts": manifest.facts, "preparation": preparation,
        "reasons": Reasons(preparation).restore(part("reasons")), "chances": Chances.restored(part("chances")),
    }  # fmt: skip
    model: Model
    if "members" in manifest.words:
        rankers = _rankers(recipe, manifest.words["members"], part("detectors"), part("rankers"))
        kind = NoticeThreshold if recipe.causal else PeakThreshold
        model = SeriesModel(**shared, rankers=rankers, threshold=kind.restored(part("threshold")))
    else:
        detector = recipe.make_detector().restore(part("detector"))
        kinds = tuple(str(kind) for kind in manifest.words.get("label_kinds", ()))
        model = Model(**shared, detector=detector, threshold=Conformal.restored(part("threshold")), kinds=kinds)
        if "usual" in manifest.words:
            model = NetworkModel.of(model, traffic_of(part("usual"), manifest.words["usual"]))
    check_sound(model)
    return model


def _rankers(
    recipe: Recipe, members: list[str | None], detectors: dict[str, Any], numbers: dict[str, Any]
) -> dict[str | None, Ranker] | dict[str | None, LiveRanker]:
    if not members:
        raise ModelFileError("the model file holds no series")
    kind: Any = LiveRanker if recipe.causal else Ranker
    states = zip(unpack(detectors, len(members)), unpack(numbers, len(members)), strict=True)
    return {
        member: kind.restored(recipe.make_detector().restore(state), said)
        for member, (state, said) in zip(members, states, strict=True)
    }
