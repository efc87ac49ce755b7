"""Trials kept in files as they are done, so that a comparison that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import time
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from amiss.evaluate.cost import Cost
from amiss.evaluate.trial import Trial

__all__ = ["KeptTrials"]

_OLD_SECONDS = 7 * 86_400
_ARRAYS = ("cuts", "chances", "own_chances")


@dataclass(frozen=True, slots=True)
class KeptTrials:
    """A folder with one file for each trial; without a folder nothing is kept.

    Attributes
    ----------
    folder
        Named by what all its trials have in common: rows, splits, recipe and version. None keeps nothing.
    """

    folder: Path | None

    @classmethod
    def of(cls, place: str | os.PathLike[str] | None, *common: Any) -> KeptTrials:
        """Those in a folder of `place` that is named by what all trials have in `common`; old ones are removed."""
        if place is None:
            return cls(None)
        _forget_old(Path(place))
        return cls(Path(place) / _hash(*common))

    def get(self, *task: Any) -> Trial | None:
        """What was kept of a task; None where nothing was, or it cannot be read."""
        if self.folder is None:
            return None
        try:
            with np.load(io.BytesIO(self._path(task).read_bytes()), allow_pickle=False) as kept:
                words = msgspec.json.decode(bytes(kept["words"]))
                costs = {name: Cost(*(float(value) for value in kept[name])) for name in ("fit", "score")}
                return Trial(
                    kept["scores"], kept["flags"], costs["fit"], costs["score"], words["params"],
                    **{name: kept[name] for name in _ARRAYS},
                )  # fmt: skip
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def put(self, trial: Trial, *task: Any) -> None:
        """Keep what came of a task, whole or not at all; one that failed is tried again another time."""
        if self.folder is None or trial.failure:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(task)
        half = path.with_suffix(f".{os.getpid()}.part")
        words = np.frombuffer(msgspec.json.encode({"params": trial.params}), np.uint8)
        costs = {name: np.array(list(asdict(getattr(trial, name)).values())) for name in ("fit", "score")}
        with half.open("wb") as file:
            np.savez(
                file, allow_pickle=False, scores=trial.scores, flags=trial.flags, words=words, **costs,
                **{name: getattr(trial, name) for name in _ARRAYS},
            )  # fmt: skip
        half.replace(path)

    def clear(self) -> None:
        """Remove them: what they were for is done."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, task: tuple[Any, ...]) -> Path:
        assert self.folder is not None
        return self.folder / f"{_hash(*task)}.npz"


def _hash(*parts: Any) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part if isinstance(part, bytes) else msgspec.json.encode(part))
        whole.update(b"\0")
    return whole.hexdigest()[:24]


def _forget_old(place: Path) -> None:
    if not place.is_dir():
        return
    for folder in place.iterdir():
        if folder.is_dir() and time.time() - folder.stat().st_mtime > _OLD_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
