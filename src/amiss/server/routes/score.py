"""`/api/score`: rows scored by a model of the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.responses import Response

from amiss.server.answers import answer
from amiss.server.sets.scoring import Scorer

__all__ = ["ScoreRequest", "make_router"]


class ScoreRequest(BaseModel):
    """Rows, and the model that is to score them."""

    model: str = Field(max_length=200)
    rows: list[dict[str, Any]]


def make_router(scorer: Scorer, guard: Callable[[Any], Any]) -> APIRouter:
    """The route of scoring.

    Parameters
    ----------
    scorer
        Has the models.
    guard
        Gives what lets a request through whose token has a scope.
    """
    router = APIRouter(tags=["score"])

    @router.post("/api/score", dependencies=[Depends(guard("read"))])
    def score(asked: ScoreRequest) -> Response:
        """Score rows that the model has not learnt from; each by itself, or of a series together."""
        return answer({"items": scorer.score(asked.model, asked.rows)})

    return router
