"""Sources and their health, tokens, and what happens as it happens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from amiss.server.access import INGESTING, READING, RULING, Scope
from amiss.server.answers import answer
from amiss.server.problems import Problem
from amiss.server.service import Service
from amiss.server.shown import token_shown
from amiss.server.views.sources import dead_letters_view, sources_view

__all__ = ["state_router"]


class TokenWish(BaseModel):
    """Whom to let in, for what, and for how long."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]
    days: Annotated[float | None, Field(gt=0, le=100_000)] = None


def state_router(service: Service) -> APIRouter:
    """Routes of sources, tokens and the live stream."""
    router = APIRouter(prefix="/api")
    store, access = service.store, service.access

    @router.get("/sources", dependencies=[READING], tags=["sources"])
    def sources() -> Response:
        """What is watched, how it is doing, and records that were not understood."""
        return answer(sources_view(store, service.clock.now()) | {"dead_letters": dead_letters_view(store)})

    @router.get("/live", dependencies=[READING], tags=["live"])
    async def live() -> Response:
        """Changes as server-sent events: event, queue, source, set; reload where too much has changed."""
        if service.hub.full:
            raise Problem(503, "too many listen already", mend="close a page, or ask /api/queue from time to time")
        return StreamingResponse(
            service.hub.listen(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    @router.post("/ingest/{name}", status_code=204, dependencies=[INGESTING], tags=["ingest"])
    async def ingest(name: str, request: Request) -> Response:
        """Records of a stream: JSON, JSON lines, or InfluxDB's line protocol; answered once they are safe."""
        return await service.ingest.take(name, request)

    @router.get("/tokens", dependencies=[RULING], tags=["tokens"])
    def tokens() -> Response:
        """Who may come in."""
        return answer({"items": [token_shown(token) for token in store.tokens()]})

    @router.post("/tokens", status_code=201, dependencies=[RULING], tags=["tokens"])
    def make(wish: TokenWish) -> Response:
        """A new token, which is told this once."""
        token, record = access.make(wish.name, tuple(wish.scopes), service.clock.now(), wish.days)
        return answer({"token": token, "record": token_shown(record)}, status=201)

    @router.delete("/tokens/{token_id}", dependencies=[RULING], tags=["tokens"])
    def revoke(token_id: str) -> Response:
        """Let a token in no more."""
        keeps = [t for t in store.tokens() if "admin" in t.scopes and t.id != token_id]
        if not keeps:
            raise Problem(409, "nobody could rule this server any more", where=token_id[:60], mend="make another first")
        if not access.revoke(token_id):
            raise Problem(404, "there is no token of this id", where=token_id[:60])
        return answer({"revoked": token_id})

    return router
