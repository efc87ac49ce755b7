"""Silences, and exclusions, which are silences without an end."""

from __future__ import annotations

import math
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from amiss.server.access import LABELLING, READING, Labeller
from amiss.server.answers import answer
from amiss.server.problems import Problem
from amiss.server.service import Service
from amiss.server.shown import plain_event, silence_shown
from amiss.server.triage import covers
from amiss.store.records import SilenceRecord

__all__ = ["silences_router", "silences_view"]

Pattern = Annotated[str, Field(max_length=500)]
_EXAMPLES = 5


class SilenceWish(BaseModel):
    """Which events nobody is to see, until when, and why."""

    model_config = ConfigDict(extra="forbid")

    source: Pattern = "*"
    entity: Pattern = "*"
    kind: Pattern = "*"
    reason: Annotated[str, Field(min_length=1, max_length=2_000)]
    ends: Annotated[float | None, Field(le=1e11, description="Seconds since 1970 UTC; null: for ever.")] = None


def silences_view(service: Service) -> dict[str, Any]:
    """All silences, those that hold first, each with how much it hides."""
    now, events = service.clock.now(), service.triage.events()
    shown = [silence_shown(s, now, sum(covers(s, event) for event in events)) for s in service.store.silences()]
    return {"items": sorted(shown, key=lambda each: (not each["active"], -each["created"]))}


def silences_router(service: Service) -> APIRouter:
    """Routes of silences."""
    router = APIRouter(prefix="/api/silences", tags=["silences"])
    store, triage = service.store, service.triage

    @router.get("", dependencies=[READING])
    def silences() -> Response:
        """All silences, with how much each hides."""
        return answer(silences_view(service))

    @router.get("/preview", dependencies=[READING])
    def preview(
        source: Annotated[str, Query(max_length=500)] = "*", entity: Annotated[str, Query(max_length=500)] = "*",
        kind: Annotated[str, Query(max_length=500)] = "*",
    ) -> Response:  # fmt: skip
        """What a silence for ever would hide of what is stored."""
        wish = SilenceWish(source=source, entity=entity, kind=kind, reason="preview")
        trial = _record(wish, "", service.clock.now())
        hidden = [event for event in triage.events() if covers(trial, event)]
        latest = sorted(hidden, key=lambda event: -event.opened)[:_EXAMPLES]
        return answer({"n_events": len(hidden), "examples": [plain_event(event) for event in latest]})

    @router.post("", status_code=201)
    def silence(wish: SilenceWish, visitor: Labeller) -> Response:
        """Hide events from now on; without an end, also those that are stored."""
        now = service.clock.now()
        if wish.ends is not None and wish.ends <= now:
            raise Problem(422, "the silence would be over already", where="ends", mend="give a time to come, or null")
        record = _record(wish, visitor.token.name, now)
        with store.writing() as writer:
            writer.put_silences([record])
        triage.renew_silences()
        n_stored = sum(covers(record, event) for event in triage.events())
        return answer({"silence": silence_shown(record, now, n_stored)}, status=201)

    @router.delete("/{silence_id}", dependencies=[LABELLING])
    def end(silence_id: str) -> Response:
        """Let a silence end now."""
        if not store.end_silence(silence_id, service.clock.now()):
            raise Problem(404, "there is no silence of this id that holds", where=silence_id[:60])
        triage.renew_silences()
        return answer({"ended": silence_id})

    return router


def _record(wish: SilenceWish, author: str, now: float) -> SilenceRecord:
    return SilenceRecord(
        id=secrets.token_hex(6), author=author, reason=wish.reason, source=wish.source, entity=wish.entity,
        kind=wish.kind, created=now, starts=-math.inf if wish.ends is None else now,
        ends=math.inf if wish.ends is None else wish.ends,
    )  # fmt: skip
