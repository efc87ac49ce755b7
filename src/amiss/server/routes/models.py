"""Models: versions, promotion and the way back."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from starlette.responses import Response

from amiss.core.errors import AmissError
from amiss.server.access import READING, RULING
from amiss.server.answers import answer
from amiss.server.problems import Problem
from amiss.server.service import Service
from amiss.server.views.models import models_view
from amiss.store.records import ModelRecord

__all__ = ["models_router"]

_CHUNK_BYTES = 1 << 20
_NAME = re.compile(r"[\w.-]{1,100}")
_LARGEST = 2**31


def models_router(service: Service) -> APIRouter:
    """Routes of models."""
    router = APIRouter(prefix="/api/models", tags=["models"])
    store = service.store

    @router.get("", dependencies=[READING])
    def models() -> Response:
        """All models and their versions."""
        return answer(models_view(store))

    @router.post("", status_code=201, dependencies=[RULING])
    def bring(file: Annotated[UploadFile, File()], name: Annotated[str, Form(max_length=100)]) -> Response:
        """A model file as a further version of `name`; the first one decides, later ones run beside it."""
        if not _NAME.fullmatch(name):
            raise Problem(
                422, "a model's name has letters, digits, dots and lines", where="name", mend="such as pump-7"
            )
        record = _kept(service, file, name)
        return answer({"name": record.name, "number": record.number, "state": record.state}, status=201)

    @router.post("/{name}/{number}/promote", dependencies=[RULING])
    def promote(name: str, number: int) -> Response:
        """Let a version decide from now on; the one before is retired."""
        _version(store.models(name), name, number)
        store.set_model_state(name, number, "champion")
        service.ingest.restart(name)
        return answer(models_view(store))

    @router.post("/{name}/roll-back", dependencies=[RULING])
    def roll_back(name: str) -> Response:
        """Let the version decide again that did so before; the one that decides now is retired."""
        versions = store.models(name)
        now = next((v.number for v in versions if v.state == "champion"), _LARGEST)
        before = [v.number for v in versions if v.state == "retired" and v.number < now]
        if not before:
            raise Problem(
                409, "no version has decided before this one", where=name[:100], mend="promote another version"
            )
        store.set_model_state(name, before[-1], "champion")
        service.ingest.restart(name)
        return answer(models_view(store))

    return router


def _version(versions: list[ModelRecord], name: str, number: int) -> ModelRecord:
    found = next((v for v in versions if v.number == number), None)
    if found is None:
        raise Problem(404, f"there is no version {number} of the model {name[:100]!r}")
    return found


def _kept(service: Service, file: UploadFile, name: str) -> ModelRecord:
    """The file in the folder of models, once it was read as a model."""
    from amiss.pipeline.api import load

    folder = service.folder / "models"
    folder.mkdir(exist_ok=True)
    part, digest = folder / f".{secrets.token_hex(8)}.part", hashlib.sha256()
    try:
        with part.open("wb") as out:
            while piece := file.file.read(_CHUNK_BYTES):
                digest.update(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        try:
            load(str(part))
        except AmissError as error:
            raise Problem(422, error.what, where=(file.filename or "file")[:100], mend=error.mend) from error
        kept: Path = folder / f"{digest.hexdigest()}.amiss"
        part.replace(kept)
    finally:
        part.unlink(missing_ok=True)
    first = not service.store.models(name)
    return service.store.add_model(
        name, path=str(kept), digest=digest.hexdigest(), now=service.clock.now(), note="brought by hand",
        state="champion" if first else "challenger",
    )  # fmt: skip
