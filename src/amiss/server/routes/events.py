"""Events and the queue."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from amiss.server.access import READING, Labeller
from amiss.server.answers import answer, csv_answer
from amiss.server.service import Service
from amiss.server.shown import event_shown, plain_event
from amiss.server.views.event import event_view
from amiss.server.views.overview import overview_view
from amiss.server.views.queue import queue_view

__all__ = ["events_router"]

State = Literal["pending", "firing", "resolved"]
Seconds = Annotated[float | None, Query(ge=-1e11, le=1e11, description="Seconds since 1970-01-01 UTC.")]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Words = Annotated[str | None, Query(max_length=500)]
_CSV_ROWS = 100_000
_CSV = (
    "id", "source", "entity", "kind", "severity", "opened", "updated", "ended", "score", "p_value", "n_alarms", "state",
    "acknowledged_by", "reason",
)  # fmt: skip


def events_router(service: Service) -> APIRouter:
    """Routes of events, the overview and the queue."""
    router = APIRouter(prefix="/api", tags=["events"])
    store, triage = service.store, service.triage

    @router.get("/overview", dependencies=[READING])
    def overview(start: Annotated[Seconds, Query(alias="from")] = None, to: Seconds = None) -> Response:
        """Swim lanes: events by entity, the gravest lanes first."""
        service.hub.catch_up()
        return answer(overview_view(store, triage, service.clock.now(), start, to))

    @router.get("/queue", dependencies=[READING])
    def queue(
        offset: Offset = 0, limit: Limit = 50, search: Annotated[str, Query(max_length=500)] = "", hidden: bool = False
    ) -> Response:
        """Events in the order in which to look at them."""
        service.hub.catch_up()
        return answer(queue_view(triage, offset, limit, search=search, hidden=hidden))

    @router.get("/events", dependencies=[READING])
    def events(
        state: State | None = None, source: Words = None, entity: Words = None, kind: Words = None,
        start: Annotated[Seconds, Query(alias="from")] = None, to: Seconds = None, limit: Limit = 100,
        offset: Offset = 0,
    ) -> Response:  # fmt: skip
        """Events, the one opened last first."""
        found = _found(state, source, entity, kind, start, to, limit + 1, offset)
        silenced = triage.silenced()
        items = [event_shown(triage.item(each.id), silenced.get(each.id)) for each in found[:limit]]
        return answer({"items": items, "more": len(found) > limit})

    @router.get("/events.csv", dependencies=[READING])
    def events_csv(
        state: State | None = None, source: Words = None, entity: Words = None, kind: Words = None,
        start: Annotated[Seconds, Query(alias="from")] = None, to: Seconds = None,
    ) -> Response:  # fmt: skip
        """The same as a table."""
        found = (plain_event(each) for each in _found(state, source, entity, kind, start, to, _CSV_ROWS, 0))
        return csv_answer("events.csv", _CSV, ([each[name] for name in _CSV] for each in found))

    def _found(
        state: State | None, source: str | None, entity: str | None, kind: str | None, start: float | None,
        to: float | None, limit: int, offset: int,
    ) -> list[Any]:  # fmt: skip
        return store.events(
            state=state, source=source, entity=entity, kind=kind, since=start, until=to, limit=limit, offset=offset
        )

    @router.get("/events/{event_id}", dependencies=[READING])
    def event(event_id: str) -> Response:
        """One event: what is like it, what was said of it, what else happened there."""
        service.hub.catch_up()
        return answer(event_view(store, triage, event_id))

    @router.post("/events/{event_id}/acknowledge")
    def acknowledge(event_id: str, visitor: Labeller) -> Response:
        """Take an event on; the first to do so stays."""
        triage.item(event_id)
        store.acknowledge(event_id, visitor.token.name, service.clock.now())
        triage.reload(event_id)
        return answer({"event": event_shown(triage.item(event_id), triage.silenced().get(event_id))})

    return router
