"""What a model says of one series: scores, p-values, and where an alarm is on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector
from amiss.series.bursts import excursions, reach, runs, widened
from amiss.thresholds.notices import TOGETHER
from amiss.thresholds.peaks import PeakThreshold

__all__ = ["Judged", "judge_peaks"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One series at its equal steps.

    Attributes
    ----------
    scores, p_values : (n_cells,)
        Higher is more anomalous; and the p-value of a separate peak as high.
    high : (n_cells,)
        Where an alarm is on.
    causal
        Whether rows were judged as they came.
    """

    scores: Vector
    p_values: Vector
    high: npt.NDArray[np.bool_]
    causal: bool = False

    def spans(self, there: npt.NDArray[np.bool_], nearly: float) -> list[tuple[int, int]]:
        """First and last step of its events.

        Parameters
        ----------
        there : (n_cells,)
            Steps with rows: where there is none there is a gap, which is told as such, and no event.
        nearly
            What is lower than the peak of an event by so little, beside it, belongs to it.
        """
        alarm = self.high & there
        if self.causal:
            return runs(alarm, TOGETHER)
        far = reach(self.scores) if alarm.any() else 1
        found = runs(alarm, far)
        least = np.array([self.scores[a : b + 1].max() - nearly for a, b in found])
        return widened(found, self.scores, least, far)


def judge_peaks(threshold: PeakThreshold, cell_scores: list[Vector]) -> list[Judged]:
    """Series whose separate peaks are decided on, all together where a share of the alarms is promised."""
    if threshold.of_alarms:
        together = np.concatenate([s[excursions(s, reach(s))] for s in cell_scores]) if cell_scores else np.empty(0)
        found = threshold.is_anomaly(together)
        least = float(together[found].min()) if found.any() else np.inf
        high = [scores >= least for scores in cell_scores]
    else:
        high = [threshold.is_anomaly(scores) for scores in cell_scores]
    return [Judged(s, threshold.p_value(s), alarm) for s, alarm in zip(cell_scores, high, strict=True)]
