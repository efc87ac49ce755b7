"""Records that are pushed to the server: each name is a stream that is watched."""

from __future__ import annotations

import contextlib
import re
import threading
from pathlib import Path

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from amiss.core.errors import AmissError
from amiss.io.http.receiver import HttpOptions, Receiver
from amiss.pipeline.api import load
from amiss.server.problems import Problem, problem_answer
from amiss.store.store import Store
from amiss.stream.band_judge import BandJudge
from amiss.stream.clock import Clock
from amiss.stream.decode import Decoder
from amiss.stream.flow import Flow
from amiss.stream.groups import GroupRules, Groups
from amiss.stream.judge import Judge
from amiss.stream.life import Life, LifeRules
from amiss.stream.model_judge import judge_of
from amiss.stream.monitor import Monitor
from amiss.stream.rules import Rules
from amiss.stream.standing import Standing

__all__ = ["Ingest"]

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
_MOST_STREAMS = 100
_BODY_BYTES = 10_000_000
_ALARMS_A_DAY = 1.0


class _Stream:
    """One stream: what takes its records in, and the thread that watches them."""

    def __init__(self, name: str, store: Store, folder: Path, clock: Clock) -> None:
        source = f"push:{name}"
        judge, judge_words, asked = _judge(name, store)
        self.receiver = Receiver(source, HttpOptions(max_body_bytes=_BODY_BYTES, token=""))
        self._monitor = Monitor(
            self.receiver, Decoder(), Flow(judge, Life(source, LifeRules()), Rules()), Groups(source, GroupRules()),
            clock=clock, store=store, keep_history=True, snapshot=folder / f"{name}.snapshot",
        )  # fmt: skip
        self._standing = Standing(self._monitor, store, judge=judge_words, asked=asked)
        self._stop = threading.Event()
        self._failed: AmissError | None = None
        self._monitor.open()
        self._thread = threading.Thread(target=self._run, name=f"amiss-{source}", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> AmissError | None:
        """What has ended it; None while it goes on."""
        return self._failed

    def stop(self) -> None:
        """End it after the round that is on, with a snapshot."""
        self._stop.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        try:
            self._monitor.run(self._stop, self._standing.take)
            self._standing.end()
        except AmissError as error:
            self._failed = error


class Ingest:
    """Streams by their names, each begun at its first record and taken up again after a restart.

    What is pushed is answered once it lies in a snapshot. A stream is judged by the champion among the models of its
    name, where there is one, otherwise by a band that learns as records come.

    Parameters
    ----------
    store
        Where events and history go.
    folder
        Of the streams' snapshots.
    clock
        What time it is.
    """

    def __init__(self, store: Store, folder: Path, clock: Clock) -> None:
        self._store, self._folder, self._clock = store, folder / "streams", clock
        self._streams: dict[str, _Stream] = {}
        self._lock = threading.Lock()

    async def take(self, name: str, request: Request) -> Response:
        """Take the records of a request in.

        Raises
        ------
        Problem
            The name is none, there are too many streams, or this one has failed.
        """
        stream = await run_in_threadpool(self._stream, name)
        answer = await stream.receiver.posted(request)
        if answer.status_code < 400:
            return answer
        text = bytes(answer.body).decode("utf-8", "replace")
        return problem_answer(answer.status_code, _said(text), name, headers=_again(answer))

    def restart(self, name: str) -> None:
        """Let a stream begin anew at its next record, as with another model."""
        with self._lock:
            stream = self._streams.pop(name, None)
        if stream is not None:
            stream.stop()

    def close(self) -> None:
        """End all streams, each with a snapshot."""
        with self._lock:
            streams, self._streams = list(self._streams.values()), {}
        for stream in streams:
            stream.stop()

    def _stream(self, name: str) -> _Stream:
        with self._lock:
            found = self._streams.get(name)
            if found is None:
                found = self._begun(name)
        if found.problem is not None:
            self.restart(name)
            error = found.problem
            raise Problem(503, f"the stream has ended: {error.what}", where=error.where, mend=error.mend)
        return found

    def _begun(self, name: str) -> _Stream:
        if not _NAME.fullmatch(name):
            raise Problem(
                422, "a stream's name has letters, digits, dots and lines", where=name[:60], mend="such as pump-7"
            )
        if len(self._streams) >= _MOST_STREAMS:
            raise Problem(409, f"there are {_MOST_STREAMS} streams already", mend="push to one of them")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._streams[name] = found = _Stream(name, self._store, self._folder, self._clock)
        return found


def _judge(name: str, store: Store) -> tuple[Judge, str, str]:
    """What judges a stream, in words too, and what it promises."""
    champion = next((model for model in store.models(name) if model.state == "champion"), None)
    if champion is None:
        return BandJudge(_ALARMS_A_DAY, "day"), "an adaptive band", f"{_ALARMS_A_DAY:g} a day"
    model = load(champion.path)
    return judge_of(model), f"the model {name}, version {champion.number}", model.recipe.wish().asked


def _said(text: str) -> str:
    with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
        return str(msgspec.json.decode(text)["error"])
    return text[:200] or "it was not taken"


def _again(answer: Response) -> dict[str, str] | None:
    return {"Retry-After": answer.headers["Retry-After"]} if "Retry-After" in answer.headers else None
