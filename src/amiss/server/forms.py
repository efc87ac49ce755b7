"""What the forms of the pages send: the same as the API does, and then back to a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, File, Form, Request, UploadFile
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse, Response

from amiss.server.access import INGESTING, LABELLING, RULING, Labeller, guard
from amiss.server.pages import Pages, within
from amiss.server.problems import Problem
from amiss.server.routes import sets
from amiss.server.routes.events import events_router
from amiss.server.routes.labels import LabelWish, labels_router
from amiss.server.routes.models import models_router
from amiss.server.routes.silences import SilenceWish, silences_router
from amiss.server.routes.state import TokenWish, state_router
from amiss.server.service import Service

__all__ = ["forms_router"]

Line = Annotated[str, Form(max_length=2_000)]
_HOUR = 3_600.0


def forms_router(service: Service, pages: Pages) -> APIRouter:
    """Routes of forms; they stand in no OpenAPI file."""
    router = APIRouter(include_in_schema=False)
    do = _api(service)

    @router.post("/events/{event_id}/label")
    def label(
        event_id: str, visitor: Labeller, verdict: Line = "", reason: Line = "", then: Line = "/queue"
    ) -> Response:
        do["label"](_wish(LabelWish, verdict=verdict, event_id=event_id, reason=reason), visitor)
        return _back(then)

    @router.post("/events/{event_id}/acknowledge")
    def acknowledge(event_id: str, visitor: Labeller) -> Response:
        do["acknowledge"](event_id, visitor)
        return _back(f"/events/{quote(event_id, safe='')}")

    @router.post("/labels/undo")
    def undo(visitor: Labeller) -> Response:
        do["undo"](visitor)
        return _back("/queue")

    @router.post("/silences")
    def silence(
        visitor: Labeller, source: Line = "*", entity: Line = "*", kind: Line = "*", reason: Line = "", hours: Line = ""
    ) -> Response:
        ends = service.clock.now() + _number(hours, "hours") * _HOUR if hours else None
        wish = _wish(SilenceWish, source=source, entity=entity, kind=kind, reason=reason, ends=ends)
        do["silence"](wish, visitor)
        return _back("/silences")

    @router.post("/silences/{silence_id}/end", dependencies=[LABELLING])
    def end(silence_id: str) -> Response:
        do["end"](silence_id)
        return _back("/silences")

    @router.post("/tokens")
    def make(
        visitor: Annotated[Any, RULING], name: Line = "", scopes: Annotated[list[str] | None, Form()] = None,
        days: Line = "",
    ) -> Response:  # fmt: skip
        wish = _wish(TokenWish, name=name, scopes=scopes or [], days=_number(days, "days") if days else None)
        made = msgspec.json.decode(do["make"](wish).body)
        listed = msgspec.json.decode(do["tokens"]().body)
        return pages.draw("tokens", listed | {"made": made["token"]}, visitor)

    @router.post("/tokens/{token_id}/revoke", dependencies=[RULING])
    def revoke(token_id: str) -> Response:
        do["revoke"](token_id)
        return _back("/tokens")

    @router.post("/models/{name}/{number}/promote", dependencies=[RULING])
    def promote(name: str, number: int) -> Response:
        do["promote"](name, number)
        return _back("/models")

    @router.post("/models/{name}/roll-back", dependencies=[RULING])
    def roll_back(name: str) -> Response:
        do["roll_back"](name)
        return _back("/models")

    @router.post("/models", dependencies=[RULING])
    def bring(file: Annotated[UploadFile, File()], name: Line = "") -> Response:
        do["bring"](file, name)
        return _back("/models")

    @router.post("/upload", dependencies=[INGESTING])
    async def upload(request: Request) -> Response:
        made = msgspec.json.decode((await do["add_set"](request)).body)
        return _back(f"/explore/{quote(made['id'], safe='')}")

    return router


def _api(service: Service) -> dict[str, Callable[..., Any]]:
    """What the API's routes call, by name."""
    makers = (events_router, labels_router, silences_router, models_router, state_router)
    routers = [make(service) for make in makers] + [sets.make_router(service.library, guard)]
    return {route.name: route.endpoint for router in routers for route in router.routes}  # type: ignore[attr-defined]


def _wish(shape: type[BaseModel], /, **fields: Any) -> BaseModel:
    try:
        return shape(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise Problem(422, str(first["msg"]), where=".".join(map(str, first["loc"]))) from error


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Problem(422, "this is no number", where=where, mend="such as 8") from error


def _back(address: str) -> Response:
    return RedirectResponse(within(address), status_code=303)
