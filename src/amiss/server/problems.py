"""Every error of the server in one shape: what happened, where, and how to mend it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from amiss.core.errors import AmissError, ConnectorError, MissingExtraError, StoreError
from amiss.server.answers import answer

__all__ = ["Problem", "problem_answer", "word_problems"]

_LOG = logging.getLogger("amiss.server")
_STATUS: tuple[tuple[type[AmissError], int], ...] = (
    (StoreError, 503), (ConnectorError, 502), (MissingExtraError, 501), (AmissError, 422),
)  # fmt: skip
"""The last fits whatever a request asks for that cannot be."""
_WORDS = {
    400: "the request cannot be read", 401: "a token is needed", 403: "this is not allowed",
    404: "there is nothing here", 405: "this cannot be done here", 413: "this is too large",
}  # fmt: skip


class Problem(AmissError):  # noqa: N818 - an answer, and no failure of the server
    """An answer that is an error.

    Parameters
    ----------
    status
        Of HTTP.
    what, where, mend
        As of every error.
    """

    def __init__(self, status: int, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(what, where=where, mend=mend)
        self.status = status


def problem_answer(
    status: int, what: str, where: str | None = None, mend: str | None = None, headers: dict[str, str] | None = None
) -> Response:
    """An error as it goes over the wire."""
    error = {"what": what, "where": where, "mend": mend, "status": status}
    return answer({"error": error}, status=status, headers=headers)


def word_problems(app: FastAPI, draw: Callable[[Request, dict[str, Any]], Response] | None = None) -> None:
    """Let the application answer every error in this shape; people are shown a page that `draw` makes of it, if any."""

    def for_people(handler: Callable[[Request, Exception], Response]) -> Callable[[Request, Exception], Response]:
        def told(request: Request, error: Exception) -> Response:
            plain = handler(request, error)
            if draw is None or not _is_for_people(request):
                return plain
            return draw(request, msgspec.json.decode(plain.body))

        return told

    app.add_exception_handler(AmissError, for_people(_ours))
    app.add_exception_handler(RequestValidationError, for_people(_invalid))
    app.add_exception_handler(HTTPException, for_people(_http))
    app.add_exception_handler(Exception, for_people(_unforeseen))


def _is_for_people(request: Request) -> bool:
    path = request.url.path
    return "text/html" in request.headers.get("accept", "") and not path.startswith(("/api/", "/static/"))


def status_of(error: AmissError) -> int:
    """The status of HTTP that fits an error."""
    if isinstance(error, Problem):
        return error.status
    return next(status for kind, status in _STATUS if isinstance(error, kind))


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, AmissError)
    return problem_answer(status_of(error), error.what, error.where, error.mend)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = dict(error.errors()[0]) if error.errors() else {}
    where = ".".join(str(part) for part in first.get("loc", ()))
    return problem_answer(422, str(first.get("msg", "the request cannot be read")), where or None)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = _WORDS.get(error.status_code, str(error.detail))
    return problem_answer(error.status_code, what, request.url.path, headers=dict(error.headers or {}))


def _unforeseen(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem_answer(500, "the server failed; its log says why", request.url.path)
