"""What stands before the application: nobody unknown comes in, nothing too large, nothing too often."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from amiss.core.errors import StoreError
from amiss.server.access import COOKIE, Access, Visitor
from amiss.server.problems import problem_answer
from amiss.stream.clock import Clock

__all__ = ["SECURITY_HEADERS", "Limits", "Shield"]

Said = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Said]]
Send = Callable[[Said], Awaitable[None]]

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_OPEN = ("/healthz", "/login", "/static/", "/favicon.ico")
_SAFE = ("GET", "HEAD", "OPTIONS")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FORM_BYTES = 100_000
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken from whom.

    Attributes
    ----------
    body_bytes, upload_bytes
        Of a request; the second of those that bring a file or records.
    requests_a_second, burst
        Of one token, or of one address without.
    read_seconds
        So long the next part of a body is waited for.
    """

    body_bytes: int = 1_000_000
    upload_bytes: int = 2_000_000_000
    requests_a_second: float = 100.0
    burst: float = 400.0
    read_seconds: float = 30.0


class TooLarge(HTTPException):
    """A body goes on for too long."""

    def __init__(self) -> None:
        super().__init__(413)


class Shield:
    """Lets requests through to an application, with the visitor in their scope.

    Parameters
    ----------
    app
        What stands behind it.
    access
        Who may come in.
    clock
        What time it is.
    limits
        How much is taken.
    hosts
        Names under which the server may be called; none lets every name through.
    """

    def __init__(
        self, app: Any, access: Access, clock: Clock, limits: Limits, hosts: Iterable[str] = _LOOPBACK
    ) -> None:
        self._app, self._access, self._clock, self._limits, self._hosts = app, access, clock, limits, frozenset(hosts)
        self._tokens: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        guarded = _Body(receive, self._most(scope["path"]), self._limits.read_seconds)
        try:
            refused = await self._refused(scope, headers, guarded)
        except StoreError as error:
            refused = problem_answer(503, error.what, error.where, error.mend)
        except TooLarge:
            refused = self._too_large(scope)
        dressed = _dressed(send, private=not scope["path"].startswith("/static/"))
        if refused is not None:
            await refused(scope, guarded, dressed)
            return
        await self._app(scope, guarded, dressed)

    async def _refused(self, scope: dict[str, Any], headers: Headers, body: _Body) -> Response | None:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if self._hosts and host not in self._hosts:
            return problem_answer(421, "the server is not called by this name", host[:100])
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > body.most:
            return self._too_large(scope)
        visitor = await run_in_threadpool(self._visitor, headers)
        scope["amiss.visitor"] = visitor
        who = visitor.token.id if visitor is not None else str((scope.get("client") or ("",))[0])
        if scope["path"] != "/healthz" and not self._in_time(who):
            return problem_answer(429, "too many requests", mend="come again in a second", headers={"Retry-After": "1"})
        if visitor is None and not _is_open(scope["path"]):
            return _stranger(scope, headers)
        if scope["method"] not in _SAFE and (visitor is None or visitor.session is not None):
            session = "" if visitor is None else visitor.session or ""
            if not await self._is_own(scope, headers, body, session):
                return problem_answer(
                    403, "this does not come from a page of this server", scope["path"],
                    "load the page again, or send a token as Authorization: Bearer",
                )  # fmt: skip
        return None

    def _visitor(self, headers: Headers) -> Visitor | None:
        now, said = self._clock.now(), headers.get("authorization")
        if said is not None:
            kind, _, token = said.partition(" ")
            return self._access.by_token(token.strip(), now) if kind.lower() == "bearer" else None
        cookie = _cookie(headers.get("cookie", ""))
        return self._access.by_session(cookie, now) if cookie else None

    def _in_time(self, who: str) -> bool:
        now, limits = self._clock.now(), self._limits
        left, at = self._tokens.get(who, (limits.burst, now))
        left = min(limits.burst, left + max(now - at, 0.0) * limits.requests_a_second)
        if len(self._tokens) > 10_000:
            self._tokens.clear()
        self._tokens[who] = (max(left - 1.0, 0.0), now)
        return left >= 1.0

    async def _is_own(self, scope: dict[str, Any], headers: Headers, body: _Body, session: str) -> bool:
        """Whether a page of this session sends it: by a header, the address, or a field of a form."""
        origin = headers.get("origin")
        if origin not in (None, "null") and urlsplit(str(origin)).netloc != headers.get("host"):
            return False
        said = headers.get("x-csrf-token") or _first(scope["query_string"])
        if said is None and headers.get("content-type", "").startswith(_FORM):
            said = _first(await body.peek(_FORM_BYTES))
        return said is not None and hmac.compare_digest(said.encode(), self._access.csrf(session).encode())

    def _most(self, path: str) -> int:
        brings = path in ("/api/sets", "/upload", "/api/models", "/models") or path.startswith("/api/ingest/")
        return self._limits.upload_bytes if brings else self._limits.body_bytes

    def _too_large(self, scope: dict[str, Any]) -> Response:
        most = self._most(scope["path"])
        return problem_answer(413, f"a body may have {most:,} bytes here", scope["path"], "send it in parts")


class _Body:
    """What comes in, counted, and not waited for without end."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self.most, self._seconds, self._n = receive, most, seconds, 0
        self._kept: list[Said] = []
        self._whole = False

    async def __call__(self) -> Said:
        if self._kept:
            return self._kept.pop(0)
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), self._seconds)
        except TimeoutError:
            return {"type": "http.disconnect"}
        self._n += len(message.get("body", b""))
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self._n > self.most:
            raise TooLarge
        return message

    async def peek(self, most: int) -> bytes:
        """The whole body, which can be read once more; empty where it is longer than `most`."""
        messages: list[Said] = []
        while not self._whole and self._n <= most:
            messages.append(await self())
        self._kept = messages
        return b"".join(message.get("body", b"") for message in messages) if self._n <= most else b""


def _dressed(send: Send, *, private: bool) -> Send:
    async def dressed(message: Said) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            extra = [(k.encode(), v.encode()) for k, v in SECURITY_HEADERS.items() if k.encode() not in present]
            if private and b"cache-control" not in present:
                extra.append((b"cache-control", b"no-store"))
            message = dict(message) | {"headers": [*message["headers"], *extra]}
        await send(message)

    return dressed


def _is_open(path: str) -> bool:
    return any(path.startswith(each) if each.endswith("/") else path == each for each in _OPEN)


def _stranger(scope: dict[str, Any], headers: Headers) -> Response:
    """People are led to the login; programs are told what is missing."""
    if scope["method"] == "GET" and "text/html" in headers.get("accept", "") and not scope["path"].startswith("/api/"):
        return RedirectResponse(f"/login?then={quote(scope['path'])}", status_code=303)
    return problem_answer(
        401, "a token is needed", scope["path"], "send Authorization: Bearer TOKEN, or log in",
        headers={"WWW-Authenticate": "Bearer"},
    )  # fmt: skip


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _first(query: bytes) -> str | None:
    try:
        return parse_qs(query.decode("ascii"), max_num_fields=100).get("csrf_token", [None])[0]
    except (UnicodeDecodeError, ValueError):
        return None
