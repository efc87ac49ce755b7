"""What came of comparing detectors: who was tried, on what, which is best and how sure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from amiss.core.extras import late
from amiss.evaluate.candidate import Candidate
from amiss.evaluate.leaks import Leak
from amiss.evaluate.verdict import Verdict
from amiss.evaluate.weak_points import weak_points
from amiss.prepare.stability import Stability

__all__ = ["Comparison", "Selected"]


@dataclass(frozen=True, slots=True)
class Selected:
    """Columns chosen by the rows learnt from, in each split anew.

    Attributes
    ----------
    method
        How.
    columns
        In how many splits each was chosen, the most often chosen first; those never chosen are left out.
    n_splits
        Splits.
    stability
        How alike the choices are; None with one split.
    """

    method: str
    columns: Mapping[str, int]
    n_splits: int
    stability: Stability | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing detectors.

    Attributes
    ----------
    name, label
        Of the source, and of its label.
    n_rows, n_anomalies
        Labelled rows that were judged, and the anomalies among them.
    split
        "stratified", "forward" or "official"; and how many splits there are.
    n_splits
        Number of splits.
    rate
        False-alarm rate that each cut was chosen for, from normal rows that were held out of training.
    measure
        What decides.
    candidates
        The best first, those that are not judged last.
    verdict
        Which to take, by how much, how sure; None where none was judged.
    findings
        What has to be known of the data before a figure is believed, the strong ones first.
    notes
        What is to be said of labels and splits, one sentence each.
    y : (n_rows,)
        Label of each row judged, split by split: 0, or the kind of anomaly from 1.
    kinds
        Names of the kinds.
    sizes : (n_splits,)
        Rows judged in each split.
    selection
        The columns that were chosen; None where all are ranked by.
    """

    name: str
    label: str
    n_rows: int
    n_anomalies: int
    split: str
    n_splits: int
    rate: float
    measure: str
    candidates: tuple[Candidate, ...]
    verdict: Verdict | None
    findings: tuple[Leak, ...]
    notes: tuple[str, ...]
    y: npt.NDArray[np.int64]
    kinds: tuple[str, ...]
    sizes: tuple[int, ...]
    selection: Selected | None

    def __str__(self) -> str:
        return self.verdict.sentence if self.verdict else "no detector could be judged"

    @property
    def weak_points(self) -> tuple[str, ...]:
        """Where the best is weak, one sentence each; see `amiss.evaluate.weak_points`."""
        judged = {each.name: each.judged for each in self.candidates if each.judged is not None}
        best = judged.pop(self.verdict.best, None) if self.verdict else None
        return () if best is None else weak_points(best, judged, self.rate)

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the HTML report: one file that needs no network."""
        late("amiss.report.frame:write_page")(path, late("amiss.report.compare_page:comparison_html"), self)

    def _repr_html_(self) -> str:
        html: str = late("amiss.report.compare_page:comparison_snippet")(self)
        return html
