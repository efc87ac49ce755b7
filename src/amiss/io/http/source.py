"""Messages that others push to us over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from amiss.core.errors import ConnectorError
from amiss.core.extras import require
from amiss.core.live import Message, Polled, Position
from amiss.io.address import Address
from amiss.io.http.bodies import TooLargeError, messages_in, unpacked
from amiss.io.http.requests import Request, Requests
from amiss.io.inbox import Inbox
from amiss.io.secret import secret

if TYPE_CHECKING:
    from starlette.requests import Request as Asked
    from starlette.responses import Response

__all__ = ["HttpOptions", "HttpSource"]

_START_SECONDS = 10.0
_MOST_CONNECTIONS = 1_000
_ALIVE = ("/ping", "/health")


class HttpOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be asked of the listener.

    Attributes
    ----------
    answer
        When a sender is told that all is well: once its messages lie in a snapshot, or once they are received.
    answer_timeout_seconds
        After so long without a snapshot the sender is told to come again.
    token
        What senders must show, as `Authorization: Bearer TOKEN`; otherwise it is AMISS_HTTP_TOKEN or none.
    token_file
        A file whose first line is the token.
    max_body_bytes
        Larger bodies are refused.
    max_waiting_messages
        While so many messages wait to be polled, senders are told to come again.
    max_waiting_bytes
        While so many bytes wait to be polled, senders are told to come again.
    """

    answer: Literal["saved", "received"] = "saved"
    answer_timeout_seconds: float = 10.0
    token: str = ""
    token_file: str = ""
    max_body_bytes: int = 10_000_000
    max_waiting_messages: int = 100_000
    max_waiting_bytes: int = 64_000_000


class HttpSource:
    """What is posted to a port of this machine: JSON objects, arrays or lines, and InfluxDB's line protocol.

    A sender gets its 204 once its messages lie in a snapshot, so that it sends again what a crash has swallowed; what
    it sends again though it lies in the snapshot is answered and not handed out.

    Parameters
    ----------
    address
        `http://:8086/` listens on this machine's loopback only, `http://0.0.0.0:8086/` to everybody.
    name
        What the user calls it; the address where "".
    options
        What is asked of it.

    Raises
    ------
    ConnectorError
        The address lacks its port.
    """

    def __init__(self, address: Address, *, name: str = "", options: HttpOptions | None = None) -> None:
        self.name = name or address.shown
        self._options = options or HttpOptions()
        if not address.port:
            raise ConnectorError("the address lacks its port", where=address.shown, mend="http://:8086/")
        self._host, self._port = address.host or "127.0.0.1", address.port
        self._server: Any = None
        self._notes: list[str] = []

    @classmethod
    def at(cls, address: Address, *, name: str, options: HttpOptions) -> HttpSource:
        """The source that an address names."""
        return cls(address, name=name, options=options)

    def open(self, position: Position | None) -> None:
        """Listen.

        Raises
        ------
        ConnectorError
            The port is taken, or may not be listened on.
        MissingExtraError
            starlette or uvicorn are not installed.
        """
        options, before = self._options, position or {}
        uvicorn = require("uvicorn", extra="live", what="listening for pushed messages")
        self._token = secret(options.token or None, options.token_file, "AMISS_HTTP_TOKEN")
        if not self._token and not _is_loopback(self._host):
            self._notes.append(f"{self.name}: everybody who reaches this port may write; set a token")
        self._inbox: Inbox[tuple[Request, Message]] = Inbox(options.max_waiting_messages, options.max_waiting_bytes)
        self._requests = Requests(before.get("request", 0), before.get("handed_out", []))
        self._reading_bytes = self._n_refused = 0
        try:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            heard = socket.create_server((self._host, self._port), family=family)
        except OSError as error:
            raise ConnectorError(
                f"the port cannot be listened on: {error.strerror}", where=self.name, mend="choose another one"
            ) from error
        config = uvicorn.Config(
            self._application(), log_config=None, log_level="critical", access_log=False, lifespan="off",
            loop="asyncio", limit_concurrency=_MOST_CONNECTIONS, timeout_graceful_shutdown=2, server_header=False,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([heard],), name="amiss-http", daemon=True)
        self._thread.start()
        until = time.monotonic() + _START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.005)

    def _application(self) -> Any:
        applications = require("starlette.applications", extra="live", what="listening for pushed messages")
        routing = require("starlette.routing", extra="live", what="listening for pushed messages")
        every = routing.Route("/{path:path}", self._posted, methods=["POST"])
        return applications.Starlette(
            routes=[*(routing.Route(path, self._alive, methods=["GET"]) for path in _ALIVE), every]
        )

    # What follows runs in the server's thread.

    async def _alive(self, asked: Asked) -> Response:
        return _answer(204)

    async def _posted(self, asked: Asked) -> Response:
        if self._token and not _shows(asked.headers.get("authorization", ""), self._token):
            return _answer(401, "show the token: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})
        if self._inbox.full:
            return self._later(429)
        try:
            parts, digest = await self._parts(asked)
        except TooLargeError:
            return _answer(413, f"a body may have {self._options.max_body_bytes:,} bytes; send it in parts")
        except MemoryError:
            return self._later(429)
        except ValueError as error:
            return _answer(400, str(error))
        if not parts:
            return _answer(204)
        return await self._entered(asked, parts, digest)

    async def _parts(self, asked: Asked) -> tuple[list[bytes], str]:
        body = await self._body(asked)
        parts = messages_in(asked.url.path, body, asked.query_params.get("precision", "ns"))
        key = asked.headers.get("idempotency-key", "")
        said = key.encode() if key else body
        return parts, hashlib.blake2b(asked.url.path.encode() + b"\0" + said, digest_size=12).hexdigest()

    async def _body(self, asked: Asked) -> bytes:
        most, held = self._options.max_body_bytes, bytearray()
        try:
            async for piece in asked.stream():
                held += piece
                self._reading_bytes += len(piece)
                if len(held) > most:
                    raise TooLargeError
                if self._reading_bytes > self._options.max_waiting_bytes + most:
                    raise MemoryError
            return unpacked(bytes(held), asked.headers.get("content-encoding", "").lower(), most)
        finally:
            self._reading_bytes -= len(held)

    async def _entered(self, asked: Asked, parts: list[bytes], digest: str) -> Response:
        request, n_before = self._requests.enter(digest, len(parts))
        moment = time.time()
        for part in parts[n_before:]:
            self._inbox.put((request, Message(part, asked.url.path, moment)), len(part) + 200)
        if self._options.answer == "received":
            request.answered = True
            return _answer(204)
        status = await request.decision(self._options.answer_timeout_seconds)
        if status != 204 or await asked.is_disconnected():
            self._requests.forsake(request)
            return self._later(503)
        return _answer(204, after=lambda: setattr(request, "answered", True))

    def _later(self, status: int) -> Response:
        self._n_refused += 1
        return _answer(status, "come again", {"Retry-After": "1"})

    # What follows runs in the thread that polls.

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        """Up to `most` messages; waits up to `timeout_seconds` for the first, and for no other."""
        if self._server is None:
            raise ConnectorError("the source is not open", where=self.name, mend="call open first")
        self._inbox.wait(timeout_seconds)
        messages: list[Message] = []
        while len(messages) < most and (item := self._inbox.take()) is not None:
            request, message = item
            self._requests.handing_out(request)
            messages.append(message)
        notes, self._notes = self._notes, []
        if refused := self._n_refused:
            self._n_refused = 0
            notes.append(f"{self.name}: {refused:,} requests were told to come again, as too much waits")
        return Polled(messages, self._requests.position(), len(self._inbox), notes=notes)

    def commit(self, position: Position) -> None:
        """Answer all requests that lie in the position as a whole."""
        self._requests.safe(position["request"])

    def close(self) -> None:
        """Listen no more; those who wait are told to come again."""
        if self._server is not None:
            while (item := self._inbox.take()) is not None:
                item[0].decide(503)
            self._requests.abandon()
            self._server.should_exit = True
            self._thread.join(5.0)
            self._server = None


def _answer(status: int, text: str = "", headers: dict[str, str] | None = None, after: Any = None) -> Response:
    responses = require("starlette.responses", extra="live", what="listening for pushed messages")
    background = require("starlette.background", extra="live", what="listening for pushed messages")
    task = None if after is None else background.BackgroundTask(after)
    found: Response = (
        responses.Response(status_code=status, headers=headers, background=task)
        if status == 204
        else responses.JSONResponse({"error": text}, status_code=status, headers=headers)
    )
    return found


def _shows(header: str, token: str) -> bool:
    """Whether a header holds the token, in the words of ours or of InfluxDB's clients."""
    kind, _, shown = header.partition(" ")
    return kind.lower() in ("bearer", "token") and hmac.compare_digest(shown.strip().encode(), token.encode())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
