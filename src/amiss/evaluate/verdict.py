"""Which detector to take, by how much, and how sure that is: in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from amiss.core.errors import DataError
from amiss.evaluate.draws import Figure
from amiss.evaluate.two_sample import holm

__all__ = ["Verdict", "verdict"]

_MEASURES = {
    "f1": "F1", "auc_roc": "AUC-ROC", "auc_pr": "AUC-PR", "mcc": "MCC", "recall": "recall", "precision": "precision",
    "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy",
}  # fmt: skip
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to "which one?".

    Attributes
    ----------
    best
        Name of the detector with the highest figure.
    alike
        Those that cannot be told apart from it, the highest first.
    behind
        Those that can.
    p_values
        Of each other detector against the best, corrected for their number.
    sentence
        All of it in words.
    """

    best: str
    alike: tuple[str, ...]
    behind: tuple[str, ...]
    p_values: Mapping[str, float]
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def verdict(
    figures: Mapping[str, Figure], p_values: Mapping[str, float], *, measure: str = "f1", alpha: float = 0.05
) -> Verdict:
    """The verdict on detectors from their figures and the test of each against the best.

    The best of many is partly the luckiest: its figure is what the chosen one had on these rows, and a little less is
    to be expected of it on others. That one cannot be told apart is no proof that both are equal.

    Parameters
    ----------
    figures
        Of each detector, higher is better; one that is NaN is left out.
    p_values
        Of each other detector against the best, not yet corrected: `compare_folds`, `compare_on_rows`.
    measure
        What the figures are.
    alpha
        Chance that any that is as good as the best is put behind it.

    Raises
    ------
    DataError
        No figure is defined, or a p-value is missing.

    Examples
    --------
    >>> figures = {"random_forest": Figure(0.92, 0.9, 0.94), "gradient_boosting": Figure(0.93, 0.91, 0.95),
    ...            "naive_bayes": Figure(0.89, 0.86, 0.91)}
    >>> print(verdict(figures, {"random_forest": 0.4, "naive_bayes": 0.001}))
    gradient_boosting is best: F1 .93 (.91–.95). random_forest (.92) cannot be told apart from it (p = .4). \
It is .04 above naive_bayes (p = .002), the next that is behind.
    """
    told = sorted((name for name in figures if figures[name].value == figures[name].value),
                  key=lambda name: -figures[name].value)  # fmt: skip
    if not told:
        raise DataError("no detector has a figure, so none is best", where=", ".join(figures) or "no detectors")
    best, others = told[0], told[1:]
    missing = [name for name in others if name not in p_values]
    if missing:
        raise DataError(f"there is no p-value of {missing[0]} against {best}", mend="compare each with the best")
    p_corrected = holm(np.array([p_values[name] for name in others]))
    corrected = dict(zip(others, p_corrected.tolist(), strict=True))
    alike = tuple(name for name in others if corrected[name] > alpha)
    behind = tuple(name for name in others if corrected[name] <= alpha)
    sentence = " ".join(_sentences(best, alike, behind, figures, corrected, measure))
    return Verdict(best, alike, behind, corrected, sentence)


def _sentences(
    best: str,
    alike: tuple[str, ...],
    behind: tuple[str, ...],
    figures: Mapping[str, Figure],
    p_values: Mapping[str, float],
    measure: str,
) -> list[str]:
    name = _MEASURES.get(measure, measure)
    gap = {other: _number(figures[best].value - figures[other].value) for other in behind}
    if not alike and behind:
        return [f"{best} is best: {name} {figures[best]}, {gap[behind[0]]} above the next, {behind[0]} "
                f"({_chance(p_values[behind[0]])})."]  # fmt: skip
    said = [f"{best} is best: {name} {figures[best]}."] if alike else [f"{best} is alone: {name} {figures[best]}."]
    if alike:
        named = [f"{other} ({_number(figures[other].value)})" for other in alike[:_MOST_NAMED]]
        named += [f"{len(alike) - _MOST_NAMED} more"] if len(alike) > _MOST_NAMED else []
        listed = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
        lowest = min(p_values[other] for other in alike)
        chance = _chance(lowest) if len(alike) == 1 else _chance(lowest).replace("=", "≥")
        said.append(f"{listed} cannot be told apart from it ({chance}).")
    if behind:
        said.append(
            f"It is {gap[behind[0]]} above {behind[0]} ({_chance(p_values[behind[0]])}), the next that is behind."
        )
    return said


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").ljust(4, "0").replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"


def _chance(p_value: float) -> str:
    if p_value < 0.001:
        return "p < .001"
    return f"p = {p_value:.1g}".replace("0.", ".", 1)
