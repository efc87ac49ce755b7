"""Events that somebody has said something about, and how much each speaks for or against others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from amiss.feedback.event_traits import Traits

__all__ = ["Examples"]

Vector = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
_DUPLICATE = 0.6
"""Likeness from which on an event is a near-duplicate of another."""
_NOBODY = -1


class Examples:
    """Likenesses of all events to those with a verdict, and what follows from them.

    Likenesses are multiples of a power of two, so that sums of them are exact: they do not depend on the order in which
    the verdicts came, and taking one back restores them.

    Parameters
    ----------
    traits
        Of all events.
    """

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._verdicts: dict[int, str] = {}
        self._slot: dict[int, int] = {}
        self._alike: Floats = np.zeros((0, 0), np.float32)
        self._sums: dict[str, Vector] = {}
        self._duplicate_of: Places | None = None

    def renew(self, places: Iterable[int]) -> None:
        """Take note that these events are new or have changed."""
        self._reserve()
        n, changed = self._traits.n, list(places)
        slots, examples = list(self._slot.values()), list(self._slot)
        if len(changed) < len(examples):
            for place in changed:
                alike = self._traits.likeness(place)
                self._alike[slots, place] = alike[examples]
                if place in self._slot:
                    self._alike[self._slot[place], :n] = alike
        else:
            for place, slot in self._slot.items():
                self._alike[slot, :n] = self._traits.likeness(place)
        self._sums, self._duplicate_of = {}, None

    def set(self, verdicts: Mapping[int, str]) -> None:
        """Take up the verdicts that stand, by event."""
        if verdicts == self._verdicts:
            return
        for place, verdict in self._verdicts.items():
            if verdicts.get(place) != verdict and verdict in self._sums:
                self._sums[verdict] = self._sums[verdict] - self._row(place)
        for place, verdict in verdicts.items():
            if self._verdicts.get(place) != verdict and verdict in self._sums:
                self._sums[verdict] = self._sums[verdict] + self._row(place)
        self._verdicts, self._duplicate_of = dict(verdicts), None

    def total(self, verdict: str) -> Vector:
        """Sum of the likenesses of each event to those with a verdict: (n_events,)."""
        if verdict not in self._sums:
            total = np.zeros(self._traits.n)
            for place in self._of(verdict):
                total += self._row(place)
            self._sums[verdict] = total
        return self._sums[verdict]

    def loudest(self, place: int) -> tuple[str, int | None]:
        """The verdict and the event of the example that an event is most like; None where there is none."""
        decided = sorted(self._of("anomaly") + self._of("normal"))
        if not decided:
            return "", None
        example = decided[int(np.argmax(self._alike[[self._slot[each] for each in decided], place]))]
        return self._verdicts[example], example

    def duplicate_of(self) -> Places:
        """The event called normal that each one is a near-duplicate of, −1 where there is none: (n_events,).

        None is where an event is clearly graver than the one called normal, or as much like one called an anomaly.
        """
        if self._duplicate_of is None:
            best, who = self._nearest(self._of("normal"))
            worst = np.zeros(self._traits.n, np.float32)
            for place in self._of("anomaly"):
                np.maximum(worst, self._row(place), out=worst)
            self._duplicate_of = np.where((best >= _DUPLICATE) & (best > worst), who, _NOBODY)
        return self._duplicate_of

    def put_off(self, examples: Iterable[int]) -> Places:
        """Likewise, of events that are of no interest now."""
        best, who = self._nearest(list(examples))
        return np.where(best >= _DUPLICATE, who, _NOBODY)

    def _nearest(self, examples: list[int]) -> tuple[Floats, Places]:
        best, who = np.zeros(self._traits.n, np.float32), np.full(self._traits.n, _NOBODY, np.intp)
        for place in sorted(examples):
            alike = np.where(self._traits.no_graver(place), self._row(place), np.float32(0))
            nearer = alike > best
            best[nearer], who[nearer] = alike[nearer], place
        return best, who

    def _of(self, verdict: str) -> list[int]:
        return [place for place, said in self._verdicts.items() if said == verdict]

    def _row(self, place: int) -> Floats:
        """How alike an example and each event are: (n_events,)."""
        slot = self._slot.get(place)
        if slot is None:
            slot = self._slot[place] = len(self._slot)
            self._reserve()
            self._alike[slot, : self._traits.n] = self._traits.likeness(place)
        return self._alike[slot, : self._traits.n]

    def _reserve(self) -> None:
        rows, columns = self._alike.shape
        wanted = (len(self._slot), self._traits.n)
        if wanted[0] > rows or wanted[1] > columns:
            # Half as much again: the store grows by an event now and then.
            room = (max(rows, wanted[0] * 3 // 2 + 8), max(columns, wanted[1] * 9 // 8 + 64))
            grown = np.zeros(room, np.float32)
            grown[:rows, :columns] = self._alike
            self._alike = grown
