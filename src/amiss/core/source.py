"""The Source contract: rows in batches, as often as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from amiss.core.frame import Frame

__all__ = ["ChangedMindError", "MemorySource", "Progress", "Source", "first_pass", "silent"]

T = TypeVar("T")

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, in [0, 1]."""


def silent(stage: str, share: float) -> None:
    """A Progress that shows nothing."""


class Source(Protocol):
    """Rows that can be read more than once, in the same order.

    Attributes
    ----------
    name
        What the user calls it: a path, or "the data".
    notes
        What had to be mended on the way in, one sentence each.
    """

    name: str
    notes: list[str]

    def batches(self) -> Iterator[Frame]:
        """All rows from the first on, each Frame with its position."""
        ...

    def share_read(self) -> float:
        """How much of the current pass is done, in [0, 1]."""
        ...


class ChangedMindError(Exception):
    """A later part of the data showed that they have to be read another way: the pass must start again.

    Only a first pass meets it; afterwards all batches have the same columns and types.
    """


def first_pass(source: Source, work: Callable[[Iterator[Frame]], T]) -> T:
    """`work` over all batches, begun anew until the source has settled how it reads."""
    while True:
        try:
            return work(source.batches())
        except ChangedMindError:
            continue


class MemorySource:
    """Rows that are in memory already, handed out in batches so that what is made from them stays small."""

    batch_rows = 65_536

    def __init__(self, frame: Frame, name: str = "the data") -> None:
        self.frame, self.name = frame, name
        self.notes: list[str] = []
        self._read = 0

    def batches(self) -> Iterator[Frame]:
        """The rows in order."""
        n = self.frame.n_rows
        for start in range(0, max(n, 1), self.batch_rows):
            self._read = min(start + self.batch_rows, n)
            yield Frame(self.frame.table[start : start + self.batch_rows], start)

    def share_read(self) -> float:
        """Share of the rows handed out."""
        return self._read / max(self.frame.n_rows, 1)
