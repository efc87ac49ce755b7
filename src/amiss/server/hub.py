"""What has changed, told to everybody who listens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from amiss.core.errors import StoreError
from amiss.server.answers import as_json

__all__ = ["Hub"]

_LOOK_SECONDS = 0.5
_ALIVE_SECONDS = 15.0
_MOST_WAITING = 500
_MOST_LISTENERS = 200
_AGAIN = b"event: reload\ndata: {}\n\n"
"""To one who did not keep up: load anew what you show."""
Told = tuple[str, Any]


class Hub:
    """Looks for changes while somebody listens, and hands them on as server-sent events.

    Parameters
    ----------
    look
        Gives what has changed since it was asked last, as pairs of a kind and what is told.
    """

    def __init__(self, look: Callable[[], list[Told]]) -> None:
        self._look = look
        self._listeners: set[asyncio.Queue[bytes]] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """Whether nobody more is let in."""
        return len(self._listeners) >= _MOST_LISTENERS

    def catch_up(self) -> None:
        """Look once where nobody listens, since then nobody else looks; from any thread."""
        if not self._listeners:
            self._look()

    async def listen(self) -> AsyncIterator[bytes]:
        """Server-sent events until the listener goes; a comment every fifteen seconds."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self._listeners.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield b"retry: 2000\n: here\n\n"
            while True:
                try:
                    message = await asyncio.wait_for(queue.get(), _ALIVE_SECONDS)
                except TimeoutError:
                    message = b": still here\n\n"
                if not message:
                    return
                yield message
        finally:
            self._listeners.discard(queue)

    def tell(self, kind: str, value: Any) -> None:
        """Tell everybody at once; to be called in the server's loop."""
        message = f"event: {kind}\ndata: ".encode() + as_json(value) + b"\n\n"
        for queue in self._listeners:
            late = queue.full()
            if late:
                _empty(queue)
            queue.put_nowait(_AGAIN if late else message)

    async def close(self) -> None:
        """Look no more, and let every listener go; may be called twice."""
        for queue in self._listeners:
            _empty(queue)
            queue.put_nowait(b"")
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while self._listeners:
            with contextlib.suppress(StoreError):  # the next look may find it again
                for kind, value in await run_in_threadpool(self._look):
                    self.tell(kind, value)
            await asyncio.sleep(_LOOK_SECONDS)


def _empty(queue: asyncio.Queue[bytes]) -> None:
    while not queue.empty():
        queue.get_nowait()
