"""What a check of labelled data has found, as records and in words."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Leak", "few", "worst_first"]


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that makes figures on these data better than they will be, or means that they say little.

    Attributes
    ----------
    name
        What it is: "names_the_answer", "copy_of_the_label", "answers_alone", "order", "time", "repeated_rows",
        "contradictions", "few_anomalies", "majority", "test_rows_in_training", "columns", "unit", "unseen_kinds".
    severity
        "strong": figures are not to be trusted before it is mended; "slight": to be known.
    where
        The column, or what else it is about.
    sentence
        What was found, with its figures.
    mend
        What to do.
    size
        How strong: an AUC, or a share of rows, in [0, 1].
    """

    name: str
    severity: str
    where: str
    sentence: str
    mend: str
    size: float

    def __str__(self) -> str:
        return self.sentence


def worst_first(leaks: list[Leak]) -> tuple[Leak, ...]:
    """Strong ones first, in the order in which they were found."""
    return tuple(sorted(leaks, key=lambda leak: leak.severity != "strong"))


def few(names: list[str], most: int = 3) -> str:
    """Some names, and how many more."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
