"""Receivers on free ports of 127.0.0.1, in threads of the test's own process."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from amiss.core.notification import Notification


def news(**fields) -> Notification:
    """A notification with something in each field."""
    usual = {
        "id": "alarm-1:trigger:1", "fingerprint": "0123456789abcdef", "action": "trigger", "severity": "warning",
        "title": "pump-3: temperature is high", "reason": "temperature is 81.2 where 60 to 70 is usual",
        "source": "mqtt://plant/pumps/#", "entity": "pump-3", "kind": "spike", "started": "2026-03-02T00:00:00Z",
        "measures": {"temperature": "81.2, usual 60 to 70"}, "link": "https://example.org/alarms/1",
    }  # fmt: skip
    return Notification(**usual | fields)


HOSTILE = "a\r\nBcc: all@example.org\n.\r\n<script>alert(1)</script>\0 \u2028 \U0001f321 \ud800 |=\\] {}"
"""Ends of lines, HTML, a zero, a character of four bytes, half a character, other protocols' marks."""


def hostile() -> Notification:
    """News whose texts come from somebody who means ill, with a reason of more than 100 KB."""
    return news(
        title=HOSTILE, reason=HOSTILE + "x" * 100_000, entity=HOSTILE, source=HOSTILE, kind=HOSTILE,
        entities=(HOSTILE,) * 30, n_entities=30, measures={HOSTILE: HOSTILE}, link=f"javascript:{HOSTILE}",
        id=f"{HOSTILE}1", fingerprint=HOSTILE, started=HOSTILE, ended=HOSTILE,
    )  # fmt: skip


@dataclass
class Answer:
    """What a web service does with a request."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    wait_seconds: float = 0.0
    breaks: str = ""
    """"before": closed without an answer; "within": closed in the midst of the answer's body."""


@dataclass
class Request:
    """What a web service was sent."""

    path: str
    headers: dict[str, str]
    body: bytes


class WebService:
    """Answers as the test says, one answer after the other, and then as usual."""

    def __init__(self, usual: Answer | None = None) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self.usual = usual or Answer()
        self.judge = lambda request: None
        """May say another answer than the usual, from what was sent."""

    def answer(self, request: Request) -> Answer:
        """The next."""
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else self.judge(request) or self.usual


@contextlib.contextmanager
def serving(service: WebService, port: int = 0) -> Iterator[int]:
    """The service on a port, while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = service.answer(Request(self.path, dict(self.headers), body))
            time.sleep(answer.wait_seconds)
            if answer.breaks == "before":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            with contextlib.suppress(OSError):
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body) + (100 if answer.breaks else 0)))
                self.end_headers()
                self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def until(condition, seconds: float = 5.0) -> bool:
    """Whether it comes true within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
