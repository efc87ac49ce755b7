"""Where the best detector of a comparison is weak, in words: only what its intervals bear out."""

from __future__ import annotations

from collections.abc import Mapping

from amiss.evaluate.decisions import KindRecall, RowJudgement
from amiss.evaluate.leaks import few

__all__ = ["weak_points"]

_MOST = 0.5
_NAMED = 4


def weak_points(best: RowJudgement, others: Mapping[str, RowJudgement], rate: float) -> tuple[str, ...]:
    """What the best misses, where another is surely better, and whether it keeps to its false-alarm rate.

    Parameters
    ----------
    best
        Of the detector that the verdict names.
    others
        Of the others, by name, on the same rows.
    rate
        False-alarm rate that the cuts were chosen for.

    Returns
    -------
    sentences
        None where nothing can be told from chance.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.evaluate.decisions import judge_rows
    >>> labels = np.arange(400) < 80
    >>> kinds = ["loud"] * 40 + ["quiet"] * 40 + [""] * 320
    >>> loud = judge_rows(labels, labels, flags=np.arange(400) < 40, kinds=kinds)
    >>> quiet = judge_rows(labels, labels, flags=abs(np.arange(400) - 60) < 20, kinds=kinds)
    >>> for sentence in weak_points(loud, {"whisperer": quiet}, 0.05):
    ...     print(sentence)
    It misses most of quiet (0 of 40 found).
    More is found of quiet by whisperer (.97 against 0.00).
    """
    said = [_missed(best), _better(best, others), _unseen(best, others), _promise(best, rate)]
    return tuple(sentence for sentence in said if sentence)


def _missed(best: RowJudgement) -> str:
    kinds = [f"{kind.kind} ({kind.n_found:,} of {kind.n_rows:,} found)" for kind in best.kinds
             if kind.recall.high < _MOST]  # fmt: skip
    return f"It misses most of {few(kinds, _NAMED)}." if kinds else ""


def _better(best: RowJudgement, others: Mapping[str, RowJudgement]) -> str:
    """Kinds of which another surely finds more, each with the one that finds most."""
    found = []
    for k, kind in enumerate(best.kinds):
        more = {name: other.kinds[k] for name, other in others.items() if len(other.kinds) > k}
        name = max(more, key=lambda name: more[name].recall.value, default="")
        if name and _surely_more(more[name], kind):
            found.append(f"{kind.kind} by {name} ({_value(more[name])} against {_value(kind)})")
    return f"More is found of {few(found, _NAMED)}." if found else ""


def _unseen(best: RowJudgement, others: Mapping[str, RowJudgement]) -> str:
    if best.unseen is None:
        return ""
    text = f"Of {best.unseen.n_rows:,} rows of kinds that training never had it finds {best.unseen.recall}"
    told = {name: other.unseen for name, other in others.items() if other.unseen is not None}
    name = max(told, key=lambda name: told[name].recall.value, default="")
    more = bool(name) and _surely_more(told[name], best.unseen)
    return text + (f", {name} {told[name].recall}." if more else ".")


def _promise(best: RowJudgement, rate: float) -> str:
    reached = best.figures.get("false_alarm_rate")
    if reached is None or not reached.low > rate:
        return ""
    return f"It raises more false alarms than were asked for: {reached} where {rate:.3g} was."


def _surely_more(other: KindRecall, one: KindRecall) -> bool:
    return other.recall.low > one.recall.high


def _value(kind: KindRecall) -> str:
    return str(kind.recall).partition(" ")[0]
