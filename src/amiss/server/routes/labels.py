"""Labels: what people say of events and data; nothing that was said is ever lost."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from amiss.server.access import READING, Labeller
from amiss.server.answers import answer, csv_answer
from amiss.server.problems import Problem
from amiss.server.service import Service
from amiss.server.shown import event_shown, label_shown
from amiss.server.views.queue import next_view
from amiss.store.records import LabelRecord, Verdict

__all__ = ["labels_router"]

Text = Annotated[str, Field(max_length=500)]
Seconds = Annotated[float, Field(ge=-1e11, le=1e11)]
_CSV = ("place", "verdict", "author", "at", "source", "entity", "starts", "ends", "row_key", "reason")


class LabelWish(BaseModel):
    """What is said, of an event, of a span of an entity, or of a row."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    event_id: Text | None = None
    source: Text | None = None
    entity: Text | None = None
    starts: Seconds | None = None
    ends: Seconds | None = None
    row_key: Text | None = None
    reason: Annotated[str, Field(max_length=2_000)] = ""


def labels_router(service: Service) -> APIRouter:
    """Routes of labels."""
    router = APIRouter(prefix="/api/labels", tags=["labels"])
    store, triage = service.store, service.triage

    @router.post("")
    def label(wish: LabelWish, visitor: Labeller) -> Response:
        """Say what an event or data are; the answer brings what to ask about next."""
        author = visitor.token.name
        if wish.event_id is not None:
            record = triage.label(wish.event_id, wish.verdict, author=author, reason=wish.reason)
        else:
            record = _record(wish, author, service.clock.now())
            triage.label_data(record)
        return answer({"label": label_shown(record)} | next_view(triage))

    @router.post("/undo")
    def undo(visitor: Labeller) -> Response:
        """Take back what this token said last."""
        record = triage.undo(visitor.token.name)
        told: dict[str, Any] = {"undone": None if record is None else label_shown(record)} | next_view(triage)
        again = None if record is None else triage.meant(record)
        if again is not None:
            told["next"] = event_shown(triage.item(again))
        return answer(told)

    @router.get("", dependencies=[READING])
    def labels(
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100, offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0
    ) -> Response:
        """What was said, the last first."""
        every = list(enumerate(store.labels(), 1))[::-1]
        page = every[offset : offset + limit]
        return answer({"items": [label_shown(of, k) for k, of in page], "more": len(every) > offset + limit})

    @router.get(".csv", dependencies=[READING])
    def labels_csv() -> Response:
        """All that was said, as a table."""
        shown = (label_shown(of, k) for k, of in enumerate(store.labels(), 1))
        return csv_answer("labels.csv", _CSV, ([each[name] for name in _CSV] for each in shown))

    return router


def _record(wish: LabelWish, author: str, now: float) -> LabelRecord:
    """A label of data that no event names."""
    spans = wish.starts is not None and wish.ends is not None and wish.starts <= wish.ends
    if wish.source is None or not (spans or wish.row_key):
        raise Problem(
            422, "nothing says what is meant", where="body",
            mend="give event_id; or source with starts and ends, or source with row_key",
        )  # fmt: skip
    return LabelRecord(
        verdict=wish.verdict, author=author, at=now, source=wish.source, entity=wish.entity, starts=wish.starts,
        ends=wish.ends, row_key=wish.row_key, reason=wish.reason,
    )  # fmt: skip
