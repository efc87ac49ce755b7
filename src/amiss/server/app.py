"""The application: routes behind the shield."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from amiss import __version__
from amiss.core.errors import AmissError
from amiss.server.access import Access, guard
from amiss.server.adaptation import Adaptation
from amiss.server.answers import answer
from amiss.server.assets import STATIC
from amiss.server.changes import Changes
from amiss.server.forms import forms_router
from amiss.server.hub import Hub
from amiss.server.ingest import Ingest
from amiss.server.pages import Pages, pages_router
from amiss.server.problems import word_problems
from amiss.server.routes import detectors, score, sets
from amiss.server.routes.events import events_router
from amiss.server.routes.labels import labels_router
from amiss.server.routes.models import models_router
from amiss.server.routes.silences import silences_router
from amiss.server.routes.state import state_router
from amiss.server.service import Service
from amiss.server.sets.backtest import Backtests
from amiss.server.sets.library import SetLibrary
from amiss.server.sets.live import LiveSets
from amiss.server.sets.scoring import Scorer
from amiss.server.shield import Limits, Shield
from amiss.server.triage import Triage
from amiss.store.store import Store
from amiss.stream.clock import Clock, WallClock

__all__ = ["make_app", "make_service"]

_LOG = logging.getLogger("amiss.server")
_YEAR = "public, max-age=31536000, immutable"


def make_service(
    folder: Path, store: Store, *, clock: Clock | None = None, limits: Limits | None = None, secure: bool = False,
    hosts: tuple[str, ...] = (),
) -> Service:  # fmt: skip
    """What a server is made of, over a store and a folder of its own."""
    clock = clock or WallClock()
    triage = Triage(store, clock.now)
    changes = Changes(store, triage, clock.now)
    library = SetLibrary(folder / "sets", clock=clock.now, heard=changes.hear)
    ingest = Ingest(store, folder, clock)
    return Service(
        folder=folder, store=store, access=Access.at(store, folder), triage=triage, hub=Hub(changes.look),
        ingest=ingest,
        adaptation=Adaptation(store, folder, clock, ingest.restart), library=library,
        live=LiveSets(store, folder=folder / "live"), backtests=Backtests(store, library, clock.now),
        clock=clock, limits=limits or Limits(), secure=secure, hosts=hosts,
    )  # fmt: skip


def make_app(service: Service) -> FastAPI:
    """The application. It holds no detection logic: what is found lies in the store."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.adaptation.start()
        # The first picture of a long series need not wait for what can be made ready before.
        threading.Thread(target=_warm, args=(service,), name="amiss-warm", daemon=True).start()
        yield
        await service.hub.close()
        await run_in_threadpool(service.adaptation.close)
        await run_in_threadpool(service.ingest.close)
        await run_in_threadpool(service.library.close)

    app = _Shielded(
        service, title="amiss", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan,
        default_response_class=Response,
    )  # fmt: skip
    pages = Pages(service)
    word_problems(app, pages.problem)
    for make in (events_router, labels_router, silences_router, models_router, state_router):
        app.include_router(make(service))
    app.include_router(sets.make_router(service.library, guard, store=service.store, live=service.live))
    app.include_router(detectors.make_router(service.backtests, guard))
    app.include_router(score.make_router(Scorer(service.store), guard))
    app.include_router(pages_router(service, pages))
    app.include_router(forms_router(service, pages))
    _mount_rest(app)
    return app


def _warm(service: Service) -> None:
    try:
        service.library.warm()
        service.live.warm()
    except AmissError as error:
        _LOG.warning("the first pictures may take longer: %s", error)


class _Shielded(FastAPI):
    """An application whose every answer, also that of a failure, goes through the shield."""

    def __init__(self, service: Service, **options: Any) -> None:
        super().__init__(**options)
        self._shield = Shield(super().__call__, service.access, service.clock, service.limits, service.hosts)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._shield(scope, receive, send)


def _mount_rest(app: FastAPI) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return answer({"status": "ok"})

    @app.get("/api/openapi.json", include_in_schema=False, dependencies=[Depends(guard("read"))])
    def openapi() -> Response:
        return answer(app.openapi())

    if STATIC.is_dir():
        app.mount("/static", _Static(directory=STATIC))


class _Static(StaticFiles):
    """Files whose names change with what is in them."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file that may be kept for a year."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = _YEAR
        return response
