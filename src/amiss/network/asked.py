"""What was asked of name servers and web servers, gathered as packets go by."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.kernels.packets import Records, questions
from amiss.network.first_packets import request_of, server_name, status_of
from amiss.network.traffic import DnsMessages, HttpRequests

__all__ = ["DnsLog", "HttpLog", "ServerNames"]

Coder = Callable[[Records, str], npt.NDArray[np.int32]]
_SECOND = 1e9
_TCP = 6
_N_COLUMNS = 10
_UNANSWERED = 1024
"""Requests of one flow that may wait for their answers."""
_UNFINISHED = 1024
"""Hellos of TLS that may wait for their rest."""
_HELLO, _REQUEST, _ANSWER, _HELLO_GOES_ON = 2, 3, 4, 5
_LONGEST_HELLO = 16_389
_LONGEST_HEAD = 8192


class DnsLog:
    """Questions to name servers, each with its answer.

    A question is matched with the first answer of the same client, port, server, number and place in the message that
    comes after it. An answer to a question that was not seen is an entry of its own.
    """

    def __init__(self) -> None:
        self._parts: list[dict[str, npt.NDArray[Any]]] = []
        self._texts: list[bytes] = []
        self._n_text = 0

    def add(self, packets: Records, block: npt.NDArray[np.uint8], code: Coder, names: ServerNames) -> None:
        """Read the messages among some packets of a block; `code` gives hosts their positions."""
        for found, text in questions(block, packets):
            of = packets[found["packet"]]
            answer = found["answer"] > 0
            src, dst = code(of, "src"), code(of, "dst")
            part = {
                "time": of["time"] / _SECOND, "client": np.where(answer, dst, src),
                "server": np.where(answer, src, dst), "answer": answer,
                "client_port": np.where(answer, of["dst_port"], of["src_port"]),
                "server_port": np.where(answer, of["src_port"], of["dst_port"]),
                "size": of["payload"].astype(np.int64) - 2 * (of["protocol"] == _TCP),
                "name": found["name"] + self._n_text,
            }  # fmt: skip
            part |= {name: found[name] for name in ("id", "question", "type", "code", "name_length")}
            self._parts.append(part)
            used = text[: int((found["name"] + found["name_length"]).max())]
            self._texts.append(used)
            self._n_text += len(used)
            flows, first = np.unique(of["flow"], return_index=True)
            for flow, at, length in zip(
                flows.tolist(), found["name"][first].tolist(), found["name_length"][first].tolist(), strict=True
            ):
                names.offer(flow, used[at : at + length].decode("ascii"))

    @property
    def n_messages(self) -> int:
        """Messages since the last time they were taken."""
        return sum(len(part["time"]) for part in self._parts)

    def take(self) -> DnsMessages:
        """The messages since the last time, in the order of their times."""
        parts, text = self._parts, b"".join(self._texts)
        self._parts, self._texts, self._n_text = [], [], 0
        if not parts:
            return DnsMessages.none()
        told = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        entry, answered_by = _matched(told)
        order = np.argsort(told["time"][entry], kind="stable")
        entry, answered_by = entry[order], answered_by[order]
        asked = ~told["answer"][entry]
        known = answered_by >= 0
        known_words: dict[str, str] = {}
        ends = zip(told["name"][entry].tolist(), told["name_length"][entry].tolist(), strict=True)
        words = (text[at : at + length].decode("ascii") for at, length in ends)
        return DnsMessages(
            time=told["time"][entry], client=told["client"][entry].astype(np.int32),
            server=told["server"][entry].astype(np.int32),
            name=tuple(known_words.setdefault(word, word) for word in words), kind=told["type"][entry].astype(np.int32),
            code=np.where(known, told["code"][answered_by].astype(np.int32), np.int32(-1)),
            question_bytes=np.where(asked, told["size"][entry], np.nan),
            answer_bytes=np.where(known, told["size"][answered_by], np.nan),
        )  # fmt: skip


def _matched(told: dict[str, npt.NDArray[Any]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Which messages are entries, and which one answers each: itself where the question was not seen, −1 for none."""
    keys = [told[name] for name in ("question", "id", "server_port", "client_port", "server", "client")]
    order = np.lexsort(keys)  # stable: within a key as they came
    answer = told["answer"][order]
    new = np.ones(len(order), np.bool_)
    new[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    # Each question begins a group, and what comes before the first one of its key is a group too.
    begins = new | ~answer
    first = np.flatnonzero(begins)
    follows = np.minimum(first + 1, len(order) - 1)
    has_answer = (first + 1 < len(order)) & ~begins[follows]
    answered_by = np.where(answer[first], order[first], np.where(has_answer, order[follows], -1))
    return order[first], answered_by


class HttpLog:
    """Requests to web servers, each with the code of its answer: those of a flow are answered in their order."""

    def __init__(self) -> None:
        # A list a column, because a list for each request would be gone through again and again by the collector.
        self._told: tuple[list[Any], ...] = tuple([] for _ in range(_N_COLUMNS))
        self._taken = 0
        self._pending: dict[int, deque[int]] = {}

    def add(self, packets: Records, block: npt.NDArray[np.uint8], code: Coder, names: ServerNames) -> None:
        """Read the requests and answers among some packets of a block."""
        which = packets[(packets["kind"] == _REQUEST) | (packets["kind"] == _ANSWER)]
        if not len(which):
            return
        columns = zip(
            which["kind"].tolist(), which["start"].tolist(), which["captured"].tolist(), which["flow"].tolist(),
            (which["time"] / _SECOND).tolist(), code(which, "src").tolist(), code(which, "dst").tolist(),
            which["dst_port"].tolist(), strict=True,
        )  # fmt: skip
        for kind, start, captured, flow, time, src, dst, port in columns:
            payload = block[start : start + min(captured, _LONGEST_HEAD)].tobytes()
            if kind == _REQUEST:
                request = request_of(payload)
                names.offer(flow, request.host)
                self._pending.setdefault(flow, deque(maxlen=_UNANSWERED)).append(self._taken + len(self._told[0]))
                for column, value in zip(self._told, (time, src, dst, port, *request, -1), strict=True):
                    column.append(value)
            else:
                self._answer(flow, status_of(payload))

    def _answer(self, flow: int, status: int) -> None:
        waiting = self._pending.get(flow)
        if not waiting or 100 <= status < 200:  # "go on" is no answer yet
            return
        row = waiting.popleft() - self._taken
        if row >= 0:
            self._told[-1][row] = status

    @property
    def n_requests(self) -> int:
        """Requests since the last time they were taken."""
        return len(self._told[0])

    def end(self, flows: list[int]) -> None:
        """Forget the requests of flows that have ended."""
        if self._pending:
            for flow in flows:
                self._pending.pop(flow, None)

    def take(self) -> HttpRequests:
        """The requests since the last time, in the order of their times."""
        told, self._told = self._told, tuple([] for _ in range(_N_COLUMNS))
        self._taken += len(told[0])
        if not told[0]:
            return HttpRequests.none()
        order = np.argsort(np.array(told[0]), kind="stable").tolist()
        time, client, server, port, method, host, path, agent, body, status = (
            tuple(column[k] for k in order) for column in told
        )
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
                if len(self._hellos) > _UNFINISHED:
                    del self._hellos[next(iter(self._hellos))]
            self.offer(flow, name or "")

    def end(self, flows: list[int]) -> list[str]:
        """The names of flows that have ended, "" where there is none."""
        if self._hellos:
            for flow in flows:
                self._hellos.pop(flow, None)
        if not self._names:
            return [""] * len(flows)
        return [self._names.pop(flow, "") for flow in flows]
