"""What takes pushed messages in, hands them to the one who polls, and answers once they are safe."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from amiss.core.errors import ConnectorError
from amiss.core.extras import require
from amiss.core.live import Message, Polled, Position
from amiss.io.http.bodies import TooLargeError, messages_in, unpacked
from amiss.io.http.requests import Request, Requests
from amiss.io.inbox import Inbox
from amiss.io.secret import secret

if TYPE_CHECKING:
    from starlette.requests import Request as Asked
    from starlette.responses import Response

__all__ = ["HttpOptions", "Receiver", "answered"]


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


class Receiver:
    """Messages that requests bring, to be polled; it does not listen itself.

    A sender gets its 204 once its messages lie in a snapshot, so that it sends again what a crash has swallowed; what
    it sends again though it lies in the snapshot is answered and not handed out.

    Parameters
    ----------
    name
        What the user calls it.
    options
        What is asked of it.
    """

    def __init__(self, name: str, options: HttpOptions | None = None) -> None:
        self.name = name
        self._options = options or HttpOptions()
        self._notes: list[str] = []
        self._is_open = False

    def open(self, position: Position | None) -> None:
        """Take messages in from now on."""
        options, before = self._options, position or {}
        self._token = secret(options.token or None, options.token_file, "AMISS_HTTP_TOKEN")
        self._inbox: Inbox[tuple[Request, Message]] = Inbox(options.max_waiting_messages, options.max_waiting_bytes)
        self._requests = Requests(before.get("request", 0), before.get("handed_out", []))
        self._reading_bytes = self._n_refused = 0
        self._is_open = True

    # What follows runs in the server's thread.

    async def posted(self, asked: Asked) -> Response:
        """Take a request in, and answer it."""
        if self._token and not _shows(asked.headers.get("authorization", ""), self._token):
            return answered(401, "show the token: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})
        if self._inbox.full:
            return self._later(429)
        try:
            parts, digest = await self._parts(asked)
        except TooLargeError:
            return answered(413, f"a body may have {self._options.max_body_bytes:,} bytes; send it in parts")
        except MemoryError:
            return self._later(429)
        except ValueError as error:
            return answered(400, str(error))
        if not parts:
            return answered(204)
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
            return answered(204)
        status = await request.decision(self._options.answer_timeout_seconds)
        if status != 204 or await asked.is_disconnected():
            self._requests.forsake(request)
            return self._later(503)
        return answered(204, after=lambda: setattr(request, "answered", True))

    def _later(self, status: int) -> Response:
        self._n_refused += 1
        return answered(status, "come again", {"Retry-After": "1"})

    # What follows runs in the thread that polls.

    def poll(self, most: int, timeout_seconds: float) -> Polled:
        """Up to `most` messages; waits up to `timeout_seconds` for the first, and for no other."""
        if not self._is_open:
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
        """Take no more in; those who wait are told to come again."""
        if self._is_open:
            self._is_open = False
            while (item := self._inbox.take()) is not None:
                item[0].decide(503)
            self._requests.abandon()


def answered(status: int, text: str = "", headers: dict[str, str] | None = None, after: Any = None) -> Response:
    """An answer: with a text where it is an error."""
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
