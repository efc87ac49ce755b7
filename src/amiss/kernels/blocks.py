"""Spreads blocks of rows over threads; the compiled loops release the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

__all__ = ["n_threads", "over_blocks", "over_pairs"]

_SMALLEST = 512


def over_blocks(work: Callable[[int, int], object], n_rows: int, n_jobs: int | None, *, whole: int = 1) -> None:
    """Call `work(start, stop)` for blocks that cover `n_rows` rows, on `n_jobs` threads.

    None is one thread; −1 is one for each processor that this process may use. Blocks start at multiples of `whole`.
    """
    n_blocks = _threads(n_rows, n_jobs)
    if n_blocks == 1:
        work(0, n_rows)
        return
    with ThreadPoolExecutor(n_blocks) as pool:
        for done in [pool.submit(work, *block) for block in _blocks(n_rows, n_blocks, whole)]:
            done.result()


def over_pairs(
    work: Callable[[tuple[int, int], tuple[int, int]], object], n_rows: int, n_jobs: int | None, *, whole: int = 1
) -> None:
    """Call `work(block, block)` for each pair of blocks, a block with itself among them, the earlier block first.

    No block is in two calls at a time, so `work` may write to the rows of both.
    """
    n_workers = _threads(n_rows, n_jobs)
    if n_workers == 1:
        work((0, n_rows), (0, n_rows))
        return
    blocks = _blocks(n_rows, 2 * n_workers, whole)
    last = len(blocks) - 1
    # As in a tournament where each meets each: one stays, the others go round.
    rounds = [[(last, r), *(((r + i) % last, (r - i) % last) for i in range(1, n_workers))] for r in range(last)]
    with ThreadPoolExecutor(n_workers) as pool:
        for pairs in [[(i, i) for i in range(len(blocks))], *rounds]:
            for done in [pool.submit(work, blocks[min(pair)], blocks[max(pair)]) for pair in pairs]:
                done.result()


def n_threads(n_jobs: int | None) -> int:
    """Threads that `n_jobs` means: one for None, one for each processor that this process may use for −1."""
    return len(os.sched_getaffinity(0)) if n_jobs == -1 else (n_jobs or 1)


def _threads(n_rows: int, n_jobs: int | None) -> int:
    return 1 if n_rows < 2 * _SMALLEST else min(n_threads(n_jobs), max(1, n_rows // _SMALLEST))


def _blocks(n_rows: int, n_blocks: int, whole: int) -> list[tuple[int, int]]:
    cuts = [n_rows * i // n_blocks // whole * whole for i in range(n_blocks)] + [n_rows]
    return list(zip(cuts[:-1], cuts[1:], strict=True))
