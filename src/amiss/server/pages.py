"""The pages: the same data as the API's answers, in HTML that can be read without a script."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Form, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from amiss import __version__
from amiss.server.access import COOKIE, Scope, Visitor, visitor_of
from amiss.server.assets import assets
from amiss.server.problems import Problem
from amiss.server.routes.sets import set_data
from amiss.server.routes.silences import silences_view
from amiss.server.service import Service
from amiss.server.shown import label_shown, token_shown
from amiss.server.views.event import event_view
from amiss.server.views.models import models_view
from amiss.server.views.overview import overview_view
from amiss.server.views.queue import queue_view
from amiss.server.views.sources import dead_letters_view, sources_view

__all__ = ["Pages", "pages_router", "within"]

_TEMPLATES = Path(__file__).parent / "templates"
_SESSION_SECONDS = 14 * 86_400
_LISTED = 50


class Pages:
    """Draws pages from their templates.

    Parameters
    ----------
    service
        What they are about.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._environment.filters |= {"when": _when, "ago": self._ago, "number": _number}
        self._assets = assets()

    def draw(self, name: str, data: Any, visitor: Visitor | None = None, *, status: int = 200) -> Response:
        """A page.

        Parameters
        ----------
        name
            Of its template.
        data
            As the API answers it.
        visitor
            Who looks; None at the login.
        status
            Of the answer.
        """
        session = "" if visitor is None else visitor.session or ""
        text = self._environment.get_template(f"{name}.html").render(
            page=name, data=data, csrf=self._service.access.csrf(session), now=self._service.clock.now(),
            who="" if visitor is None else visitor.token.name, scopes=() if visitor is None else visitor.token.scopes,
            version=__version__, built=bool(self._assets), assets=self._assets,
        )  # fmt: skip
        return HTMLResponse(text, status_code=status)

    def problem(self, request: Request, data: dict[str, Any]) -> Response:
        """The page of an error."""
        return self.draw("problem", data, request.scope.get("amiss.visitor"), status=data["error"]["status"])

    def _ago(self, seconds: float) -> str:
        gone = self._service.clock.now() - seconds
        if gone < 0:
            return "in " + _duration(-gone)
        return "just now" if gone < 5 else _duration(gone) + " ago"


def pages_router(service: Service, pages: Pages) -> APIRouter:
    """Routes of the pages; they stand in no OpenAPI file."""
    router = APIRouter(include_in_schema=False)
    store, triage, now = service.store, service.triage, service.clock.now

    def page(request: Request, name: str, data: Any, scope: Scope = "read") -> Response:
        visitor = visitor_of(request)
        if not visitor.may(scope):
            raise Problem(403, f"this token does not allow {scope!r}", mend=f"log in with the scope {scope}")
        service.hub.catch_up()
        return pages.draw(name, data(), visitor)

    @router.get("/")
    def overview(request: Request) -> Response:
        return page(request, "overview", lambda: overview_view(store, triage, now(), None, None))

    @router.get("/queue")
    def queue(request: Request, search: str = "", hidden: bool = False, offset: int = 0) -> Response:
        place = min(max(offset, 0), 1_000_000)
        return page(request, "queue", lambda: queue_view(triage, place, _LISTED, search=search[:500], hidden=hidden))

    @router.get("/events/{event_id}")
    def event(request: Request, event_id: str) -> Response:
        return page(request, "event", lambda: event_view(store, triage, event_id))

    @router.get("/detectors")
    def detectors(request: Request) -> Response:
        return page(request, "detectors", lambda: {"items": msgspec.to_builtins(service.backtests.all())})

    @router.get("/explore")
    def explore(request: Request) -> Response:
        def view() -> dict[str, Any]:
            return {"items": [*service.library.listed(limit=200), *service.live.listed(limit=200)]}

        return page(request, "explore", view)

    @router.get("/explore/{set_id}")
    def one_set(request: Request, set_id: str) -> Response:
        return page(request, "set", lambda: set_data(service.library, set_id, service.live))

    @router.get("/upload")
    def upload(request: Request) -> Response:
        return page(request, "upload", dict, "ingest")

    @router.get("/sources")
    def sources(request: Request) -> Response:
        view = lambda: sources_view(store, now()) | {"dead_letters": dead_letters_view(store)}  # noqa: E731
        return page(request, "sources", view)

    @router.get("/models")
    def models(request: Request) -> Response:
        return page(request, "models", lambda: models_view(store))

    @router.get("/labels")
    def labels(request: Request) -> Response:
        def view() -> dict[str, Any]:
            every = list(enumerate(store.labels(), 1))[::-1]
            return {"items": [label_shown(of, k) for k, of in every[:100]], "more": len(every) > 100}

        return page(request, "labels", view)

    @router.get("/silences")
    def silences(request: Request) -> Response:
        return page(request, "silences", lambda: silences_view(service))

    @router.get("/tokens")
    def tokens(request: Request) -> Response:
        return page(request, "tokens", lambda: {"items": [token_shown(t) for t in store.tokens()]}, "admin")

    @router.get("/login")
    def login(then: str = "/") -> Response:
        return pages.draw("login", {"then": within(then), "wrong": False})

    @router.post("/login")
    def enter(
        token: Annotated[str, Form(max_length=200)] = "", then: Annotated[str, Form(max_length=500)] = "/"
    ) -> Response:
        visitor = service.access.by_token(token.strip(), now())
        if visitor is None:
            return pages.draw("login", {"then": within(then), "wrong": True}, status=401)
        answer = RedirectResponse(within(then), status_code=303)
        answer.set_cookie(
            COOKIE, service.access.session(visitor, now()), max_age=_SESSION_SECONDS, httponly=True, samesite="strict",
            secure=service.secure,
        )  # fmt: skip
        return answer

    @router.post("/logout")
    def leave() -> Response:
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=service.secure)
        return answer

    return router


def within(address: str) -> str:
    """An address of this server and no other; elsewhere is taken for the first page."""
    return address if address.startswith("/") and not address.startswith(("//", "/\\")) else "/"


def _when(seconds: float | None) -> str:
    if seconds is None:
        return ""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, OSError, ValueError):
        return "at no time"


def _duration(seconds: float) -> str:
    for size, word in ((86_400.0, "day"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= size:
            n = round(seconds / size)
            return f"{n} {word}{'s' if word == 'day' and n != 1 else ''}"
    return f"{seconds:.0f} s"


def _number(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
