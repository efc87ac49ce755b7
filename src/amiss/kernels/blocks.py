"""Spreads blocks of rows over threads; the compiled loops release the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["over_blocks"]

_SMALLEST = 512


def over_blocks(work: Callable[[int, int], None], n_rows: int, n_jobs: int | None) -> None:
    """Call `work(start, stop)` for blocks that cover `n_rows` rows, on `n_jobs` threads.

    None is one thread; −1 is one for each processor that this process may use.
    """
    if n_rows < 2 * _SMALLEST:
        work(0, n_rows)
        return
    n_threads = len(os.sched_getaffinity(0)) if n_jobs == -1 else (n_jobs or 1)
    n_threads = min(n_threads, max(1, n_rows // _SMALLEST))
    if n_threads == 1:
        work(0, n_rows)
        return
    cuts = [n_rows * i // n_threads for i in range(n_threads + 1)]
    with ThreadPoolExecutor(n_threads) as pool:
        for done in [pool.submit(work, a, b) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]:
            done.result()
