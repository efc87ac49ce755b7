"""Several Monitors in one process: they take turns, and share what is slow to share otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from amiss.core.errors import AmissError
from amiss.stream.monitor import Monitor, Step

__all__ = ["take_turns"]


def take_turns(monitors: Sequence[Monitor], stop: threading.Event, each: Callable[[Monitor, Step], None]) -> None:
    """Go round until `stop` is set or every source has ended; `each` is called after every round of each.

    One thread does it all, so that nothing of a Monitor, a view or a count has to be guarded. Nobody waits for a source
    that is silent while another has something to say: only after a turn in which nothing came is anything waited for.

    Parameters
    ----------
    monitors
        Opened. They are made safe and closed in the end, each when its source has ended, or all at once.
    stop
        Ends it after the round that is on.
    each
        Is told of the Monitor, and of what its round has brought.

    Raises
    ------
    AmissError
        A source cannot be read any more, or something could not be made safe in the end; the others are made safe.
    """
    going, idle = list(monitors), True
    try:
        while going and not stop.is_set():
            n_came = 0
            for monitor in tuple(going):
                step = monitor.step(monitor.pace.batch_seconds / len(going) if idle else 0.0)
                each(monitor, step)
                n_came += len(step.polled.messages)
                if monitor.is_done:
                    going.remove(monitor)
                    _end([monitor])
                if stop.is_set():
                    break
            idle = not n_came
    except AmissError:
        # What the others have read is safe in the store; their snapshots are written where that can be.
        _end(going, quietly=True)
        raise
    for monitor in going:
        if (rest := monitor.rest()) is not None:
            each(monitor, rest)
    _end(going)


def _end(monitors: Sequence[Monitor], *, quietly: bool = False) -> None:
    """Make all safe and close them; then the first error, if there was any."""
    errors: list[AmissError] = []
    for monitor in monitors:
        try:
            monitor.finish()
        except AmissError as error:
            errors.append(error)
        finally:
            monitor.close()
    if errors and not quietly:
        raise errors[0]
