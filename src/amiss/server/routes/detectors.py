"""`/api/detectors`: what each detector's threshold does, and what another would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from amiss.server.answers import answer
from amiss.server.sets.backtest import Backtests

__all__ = ["make_router"]


def make_router(backtests: Backtests, guard: Callable[[Any], Any]) -> APIRouter:
    """The route of detectors.

    Parameters
    ----------
    backtests
        Of live sources and of sets.
    guard
        Gives what lets a request through whose token has a scope.
    """
    router = APIRouter(tags=["detectors"])

    @router.get("/api/detectors", dependencies=[Depends(guard("read"))])
    def list_detectors() -> Response:
        """The peaks of the last month by how rare they were: alarms at any threshold can be counted from them."""
        return answer({"items": backtests.all()})

    return router
