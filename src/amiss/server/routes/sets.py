"""`/api/sets`: files that were brought and live series, drawn piece by piece and told row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.responses import Response

from amiss.core.errors import ParameterError
from amiss.server.answers import answer
from amiss.server.problems import Problem
from amiss.server.sets.detail import detail
from amiss.server.sets.facts import Happening
from amiss.server.sets.files import REPORT, RESULT, SavedSet
from amiss.server.sets.happenings import read_happenings
from amiss.server.sets.library import SetLibrary
from amiss.server.sets.listing import page, with_verdicts
from amiss.server.sets.live import PREFIX, LiveSet, LiveSets
from amiss.server.sets.record import SetOptions
from amiss.server.sets.verdicts import Verdicts
from amiss.server.sets.viewport import viewport
from amiss.store.store import Store

__all__ = ["REPORT_POLICY", "make_router", "set_data"]

REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""A report brings its own scripts; it may do nothing else, and nothing in the name of whoever looks at it."""
_MOST_ROWS = 1000
_SHOWN_COLUMNS = 8
_FORM_BYTES = 1 << 16
_OPTIONS = ("false_alarms", "time", "entity", "label", "kind")
_LONGEST_OPTION = 200
_FOR_EVER = {"Cache-Control": "private, max-age=86400, immutable"}
_UPLOAD_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        **{name: {"type": "string"} for name in _OPTIONS},
                    },
                }
            }
        },
    }
}


def make_router(
    library: SetLibrary, guard: Callable[[Any], Any], *, store: Store | None = None, live: LiveSets | None = None
) -> APIRouter:
    """The routes of sets.

    Parameters
    ----------
    library
        Files that were brought.
    guard
        Gives what lets a request through whose token has a scope: "read", "label", "ingest" or "admin".
    store
        Where labels are; None for none.
    live
        Live series; None for none.
    """
    router = APIRouter(tags=["sets"])
    _add_whole(router, library, guard, live)
    _add_parts(router, _Shelf(library, store, live), [Depends(guard("read"))])
    return router


def _add_whole(router: APIRouter, library: SetLibrary, guard: Callable[[Any], Any], live: LiveSets | None) -> None:
    """Sets as wholes: listed, brought, taken away."""
    reads, brings = [Depends(guard("read"))], [Depends(guard("ingest"))]

    @router.get("/api/sets", dependencies=reads)
    def list_sets(limit: int = Query(100, ge=1, le=500), offset: int = Query(0, ge=0, le=1_000_000)) -> Response:
        """Files that were brought, the newest first, then live series."""
        brought = library.listed(limit=limit, offset=offset)
        rest = limit - len(brought)
        begin = max(0, offset - library.n_sets)
        return answer({"items": [*brought, *(live.listed(limit=rest, offset=begin) if live and rest else [])]})

    @router.post("/api/sets", dependencies=brings, status_code=202, openapi_extra=_UPLOAD_FORM)
    async def add_set(request: Request) -> Response:
        """Bring a file; its detection begins when those before it are done."""
        _check_length(request, library.bounds.size_bytes)
        try:
            async with request.form(max_files=1, max_fields=10, max_part_size=_FORM_BYTES) as form:
                file = form.get("file")
                if not isinstance(file, UploadFile):
                    raise Problem(422, "there is no file in the form", where="file", mend="send it as the field file")
                options = _options({name: form.get(name) for name in _OPTIONS})
                made = await run_in_threadpool(library.add, file.file, file.filename or "", options)
        except MultiPartException as error:
            raise Problem(400, f"the form cannot be read: {error.message}", mend="send multipart/form-data") from error
        return answer(made, status=202)

    @router.get("/api/sets/{set_id}", dependencies=reads)
    def get_set(set_id: str) -> Response:
        """One set."""
        return answer(set_data(library, set_id, live))

    @router.delete("/api/sets/{set_id}", dependencies=brings)
    def delete_set(set_id: str) -> Response:
        """Take a set away; a live series stays for as long as the store keeps it."""
        if set_id.startswith(PREFIX):
            raise Problem(405, "a live series cannot be deleted", where=set_id[:64], mend="see the store's retention")
        library.delete(set_id)
        return answer({"deleted": set_id})


def _add_parts(router: APIRouter, shelf: _Shelf, reads: list[Any]) -> None:
    """What is in a set."""

    @router.get("/api/sets/{set_id}/view", dependencies=reads)
    def view_set(
        set_id: str,
        start: float | None = Query(None, alias="from"),
        stop: float | None = Query(None, alias="to"),
        width: int = Query(1200, ge=1, le=8192),
        columns: list[str] = Query([]),  # noqa: B008
        entity: str | None = None,
    ) -> Response:
        """A piece of it for the screen, in bytes; see docs/serve.md for their form."""
        opened = shelf.opened(set_id)
        names = columns or shelf.numbers(opened)[:_SHOWN_COLUMNS]
        seen = viewport(opened.course(names, entity), names, start=start, stop=stop, width=width)
        headers = _FOR_EVER if isinstance(opened, SavedSet) else {"Cache-Control": "no-store"}
        return Response(seen, media_type="application/octet-stream", headers=headers)

    @router.get("/api/sets/{set_id}/rows", dependencies=reads)
    def list_rows(
        set_id: str,
        order: str = "score",
        offset: int = Query(0, ge=0, le=10**9),
        limit: int = Query(50, ge=1, le=_MOST_ROWS),
    ) -> Response:
        """Rows by their score or in their order."""
        opened = shelf.opened(set_id)
        items, n_rows = page(opened, order=order, offset=offset, limit=limit)
        return answer({"items": shelf.judged(set_id, items), "n_rows": n_rows})

    @router.get("/api/sets/{set_id}/rows/{row}", dependencies=reads)
    def get_row(set_id: str, row: int) -> Response:
        """All that can be told of one row."""
        told = detail(shelf.opened(set_id), row)
        return answer(shelf.judged(set_id, [told | {"verdict": None}])[0])

    @router.get("/api/sets/{set_id}/events", dependencies=reads)
    def list_events(set_id: str) -> Response:
        """What happened, the gravest first; of a live series see /api/events."""
        opened = shelf.opened(set_id)
        found: list[Happening] = read_happenings(opened.folder) if isinstance(opened, SavedSet) else []
        return answer({"items": found})

    @router.get("/api/sets/{set_id}/report", dependencies=reads)
    def get_report(set_id: str) -> Response:
        """The report, as the command line writes it."""
        headers = {"Content-Security-Policy": REPORT_POLICY, "X-Content-Type-Options": "nosniff"}
        return shelf.file(set_id, REPORT, "text/html; charset=utf-8", headers)

    @router.get("/api/sets/{set_id}/result.csv", dependencies=reads)
    def get_result(set_id: str) -> Response:
        """The scored rows; no cell of text is taken for a formula by a spreadsheet."""
        headers = {"Content-Disposition": f'attachment; filename="{set_id[:16]}.csv"'}
        return shelf.file(set_id, RESULT, "text/csv; charset=utf-8", headers)


def set_data(library: SetLibrary, set_id: str, live: LiveSets | None = None) -> Any:
    """One set as the API and the page of it tell of it."""
    if set_id.startswith(PREFIX) and live is not None:
        return live.get(set_id).view()
    return library.get(set_id)


class _Shelf:
    """Sets of either kind by their id."""

    def __init__(self, library: SetLibrary, store: Store | None, live: LiveSets | None) -> None:
        self._library, self._store, self._live = library, store, live

    def opened(self, set_id: str) -> SavedSet | LiveSet:
        """A set whose rows can be looked at."""
        if set_id.startswith(PREFIX) and self._live is not None:
            return self._live.get(set_id)
        return self._library.saved(set_id)

    def numbers(self, opened: SavedSet | LiveSet) -> list[str]:
        """Names of the columns that can be drawn."""
        if isinstance(opened, LiveSet):
            return list(opened.record.columns)
        return [track.name for track in opened.facts.tracks]

    def judged(self, set_id: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Rows with what people said of them."""
        if self._store is None:
            return items
        source = set_data(self._library, set_id, self._live).label_source
        return with_verdicts(items, Verdicts(self._store.labels(source=source)))

    def file(self, set_id: str, name: str, kind: str, headers: dict[str, str]) -> Response:
        """A file of a set that is ready."""
        opened = self.opened(set_id)
        if isinstance(opened, LiveSet) or not (opened.folder / name).is_file():
            raise Problem(404, "there is no such file of this set", where=set_id[:64])
        return FileResponse(opened.folder / name, media_type=kind, headers=headers)


def _check_length(request: Request, most: int) -> None:
    said = request.headers.get("content-length", "")
    if not said.isdigit():
        raise Problem(411, "the length of the file is not said", mend="send Content-Length, as browsers and curl do")
    if int(said) > most + _FORM_BYTES:
        mend = "compress it, bring it in parts, or use amiss detect"
        raise Problem(413, f"the file is larger than the {most >> 20:,} MiB that are taken in", mend=mend)


def _options(said: dict[str, Any]) -> SetOptions:
    words = {name: word.strip() for name, word in said.items() if isinstance(word, str) and word.strip()}
    long = next((name for name, word in words.items() if len(word) > _LONGEST_OPTION), None)
    if long is not None:
        raise ParameterError("this is too long", where=long, mend=f"at most {_LONGEST_OPTION} characters")
    return SetOptions(**words)
