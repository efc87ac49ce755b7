"""What was asked of name servers and web servers, gathered as packets go by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.kernels.packets import Records, questions
from amiss.network.first_packets import request_of, server_name, status_of
from amiss.network.traffic import DnsMessages, HttpRequests

__all__ = ["DnsLog", "HttpLog", "ServerNames"]

Coder = Callable[[Records, str], list[int]]
_End = tuple[int, int]
_Key = tuple[tuple[_End, _End], int, int]
_SECOND = 1e9
_TCP = 6
_PENDING = 65_536
_HELLO, _REQUEST, _ANSWER, _HELLO_GOES_ON = 2, 3, 4, 5
_LONGEST_HELLO = 16_389
_LONGEST_HEAD = 8192


class DnsLog:
    """Questions to name servers, each with its answer.

    A question is matched with the answer of the same client, port, server, number and place in the message. An answer
    to a question that was not seen is an entry of its own.
    """

    def __init__(self) -> None:
        self._rows: list[list[Any]] = []
        self._taken = 0
        self._pending: dict[_Key, int] = {}

    def add(self, packets: Records, block: npt.NDArray[np.uint8], code: Coder, names: ServerNames) -> None:
        """Read the messages among some packets of a block; `code` gives hosts their positions."""
        for found, text in questions(block, packets):
            of = packets[found["packet"]]
            answers = found["answer"].tolist()
            src = zip(code(of, "src"), of["src_port"].tolist(), strict=True)
            dst = zip(code(of, "dst"), of["dst_port"].tolist(), strict=True)
            # Both ways a message is known by (client, its port), (server, its port), number and place.
            ends = [(b, a) if answer else (a, b) for a, b, answer in zip(src, dst, answers, strict=True)]
            keys = zip(ends, found["id"].tolist(), found["question"].tolist(), strict=True)
            names_of = zip(found["name"].tolist(), found["name_length"].tolist(), strict=True)
            asked_for = [text[at : at + length].decode("ascii") for at, length in names_of]
            sizes = (of["payload"].astype(np.int64) - 2 * (of["protocol"] == _TCP)).tolist()
            columns = (found["type"].tolist(), found["code"].tolist(), of["flow"].tolist(), sizes, answers)
            times = (of["time"] / _SECOND).tolist()
            for key, time, name, kind, rcode, flow, size, answer in zip(keys, times, asked_for, *columns, strict=True):
                names.offer(flow, name)
                if not answer:
                    self._asked(key)
                elif self._answered(key, rcode, size):
                    continue
                (client, _), (server, _) = key[0]
                told = [rcode, np.nan, size] if answer else [-1, size, np.nan]
                self._rows.append([time, client, server, name, kind, *told])

    def _asked(self, key: _Key) -> None:
        self._pending[key] = self._taken + len(self._rows)
        if len(self._pending) > _PENDING:
            for old in list(self._pending)[: _PENDING // 2]:
                del self._pending[old]

    def _answered(self, key: _Key, code: int, size: int) -> bool:
        """Whether an answer belongs to a question, which it is written to."""
        place = self._pending.get(key)
        if place is None:
            return False
        row = place - self._taken
        if row >= 0 and self._rows[row][5] < 0:
            self._rows[row][5], self._rows[row][7] = code, size
        return True

    def take(self) -> DnsMessages:
        """The messages since the last time, in the order of their times."""
        rows, self._rows = self._rows, []
        self._taken += len(rows)
        if not rows:
            return DnsMessages.none()
        rows.sort(key=lambda row: float(row[0]))
        time, client, server, name, kind, code, asked, answered = zip(*rows, strict=True)
        return DnsMessages(
            time=np.array(time, float), client=np.array(client, np.int32), server=np.array(server, np.int32), name=name,
            kind=np.array(kind, np.int32), code=np.array(code, np.int32), question_bytes=np.array(asked, float),
            answer_bytes=np.array(answered, float),
        )  # fmt: skip


class HttpLog:
    """Requests to web servers, each with the code of its answer: those of a flow are answered in their order."""

    def __init__(self) -> None:
        self._rows: list[list[Any]] = []
        self._taken = 0
        self._pending: dict[int, list[int]] = {}

    def add(self, packets: Records, block: npt.NDArray[np.uint8], code: Coder, names: ServerNames) -> None:
        """Read the requests and answers among some packets of a block."""
        which = packets[(packets["kind"] == _REQUEST) | (packets["kind"] == _ANSWER)]
        columns = zip(
            which["kind"].tolist(), which["start"].tolist(), which["captured"].tolist(), which["flow"].tolist(),
            which["time"].tolist(), code(which, "src"), code(which, "dst"), which["dst_port"].tolist(), strict=True,
        )  # fmt: skip
        for kind, start, captured, flow, time, src, dst, port in columns:
            payload = block[start : start + min(captured, _LONGEST_HEAD)].tobytes()
            if kind == _REQUEST:
                request = request_of(payload)
                names.offer(flow, request.host)
                self._pending.setdefault(flow, []).append(self._taken + len(self._rows))
                self._rows.append([time / _SECOND, src, dst, port, *request, -1])
            else:
                self._answer(flow, status_of(payload))

    def _answer(self, flow: int, status: int) -> None:
        waiting = self._pending.get(flow)
        if not waiting or 100 <= status < 200:  # "go on" is no answer yet
            return
        row = waiting.pop(0) - self._taken
        if row >= 0:
            self._rows[row][-1] = status

    def end(self, flows: list[int]) -> None:
        """Forget the requests of flows that have ended."""
        if self._pending:
            for flow in flows:
                self._pending.pop(flow, None)

    def take(self) -> HttpRequests:
        """The requests since the last time, in the order of their times."""
        rows, self._rows = self._rows, []
        self._taken += len(rows)
        if not rows:
            return HttpRequests.none()
        rows.sort(key=lambda row: float(row[0]))
        time, client, server, port, method, host, path, agent, body, status = zip(*rows, strict=True)
        return HttpRequests(
            time=np.array(time, float), client=np.array(client, np.int32), server=np.array(server, np.int32),
            port=np.array(port, np.int32), method=method, host=host, path=path, agent=agent, body=body,
            status=np.array(status, np.int32),
        )  # fmt: skip


class ServerNames:
    """The first name that was asked for in each flow that goes on."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._hellos: dict[int, bytes] = {}

    def offer(self, flow: int, name: str) -> None:
        """A name that was asked for in a flow."""
        if name:
            self._names.setdefault(flow, name)

    def add(self, packets: Records, block: npt.NDArray[np.uint8]) -> None:
        """Read the hellos of TLS among some packets of a block."""
        which = packets[(packets["kind"] == _HELLO) | (packets["kind"] == _HELLO_GOES_ON)]
        columns = (which[name].tolist() for name in ("kind", "start", "captured", "flow"))
        for kind, start, captured, flow in zip(*columns, strict=True):
            payload = block[start : start + captured].tobytes()
            if kind == _HELLO_GOES_ON:
                payload = self._hellos.pop(flow, b"") + payload
                if payload[:1] != b"\x16":
                    continue
            name = server_name(payload)
            if name is None and len(payload) < _LONGEST_HELLO:
                self._hellos[flow] = payload
            self.offer(flow, name or "")

    def end(self, flows: list[int]) -> list[str]:
        """The names of flows that have ended, "" where there is none."""
        if self._hellos:
            for flow in flows:
                self._hellos.pop(flow, None)
        if not self._names:
            return [""] * len(flows)
        return [self._names.pop(flow, "") for flow in flows]
