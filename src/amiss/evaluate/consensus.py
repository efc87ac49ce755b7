"""Parameters chosen without labels: by whether a setting foretells what the ensemble finds odd."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError
from amiss.core.search_space import draw
from amiss.core.source import Progress
from amiss.core.summary import Matrix, Vector
from amiss.evaluate.halving import Setting, Tuned
from amiss.evaluate.ranking import auc_roc
from amiss.evaluate.trial import failure_of, row_detector, with_params
from amiss.pipeline.recipe import DEFAULT, Recipe

__all__ = ["agreed_params"]

_N_DRAWS = 3
_MOST_ROWS = 10_000
_JUDGED = 2
_HIGHEST = 0.05
"""Share of the rows that the ensemble takes for the oddest."""


def agreed_params(
    recipe: Recipe, X: Matrix, *, n_settings: int, until: float | None = None, progress: Progress
) -> Tuned:
    """Choose a detector's parameters by rows without labels.

    Nobody can know without labels which setting finds most anomalies. What can be told is whether a setting is stable,
    and whether it agrees with many others: of three random thirds of the rows, a setting learns from the first, the
    default ensemble of unlike detectors from the second, and the setting is worth the AUC with which it foretells the
    5 % of the last third that the ensemble finds oddest.

    Takes 6 fits a setting, and 6 of the ensemble, on at most 3,334 rows each.

    Parameters
    ----------
    recipe
        With the detector; its class says which parameters are tried.
    X
        Prepared rows.
    n_settings
        Different settings, with the defaults.
    until
        `time.monotonic` from which on no setting is begun.
    progress
        Called with the share that is done.

    References
    ----------
    Goix, N. (2016). How to evaluate the quality of unsupervised anomaly detection algorithms?
    Ma, M. Q. et al. (2023). The need for unsupervised outlier model selection. SIGKDD Explorations.
    """
    settings = draw(type(recipe.make_detector()).search_space, n_settings, recipe.seed)
    random = np.random.default_rng(recipe.seed)
    rows = X[np.sort(random.permutation(len(X))[:_MOST_ROWS])]
    thirds = [random.permutation(len(rows)) % 3 for _ in range(_N_DRAWS)]
    ranks: list[list[Vector]] = []
    tried: list[tuple[Mapping[str, Any], str]] = []
    for k, params in enumerate(settings):
        if until is not None and time.monotonic() > until and ranks:
            break
        found = _ranks(with_params(recipe, params), rows, thirds)
        tried.append((params, found if isinstance(found, str) else ""))
        if not isinstance(found, str):
            ranks.append(found)
        progress("tuning", (k + 1) / len(settings))
    values = iter(_worth(ranks, _teachers(recipe, rows, thirds)))
    told = [Setting(params, len(rows) // 3, -np.inf if why else next(values), why) for params, why in tried]
    told.sort(key=lambda each: (-each.value, len(each.params)))
    return Tuned(told[0].params if told and told[0].value > -np.inf else {}, tuple(told))


def _ranks(recipe: Recipe, rows: Matrix, thirds: Sequence[npt.NDArray[np.int64]]) -> list[Vector] | str:
    """Ranks in (0, 1] of the last third by what was learnt from the first and the second; or why there are none."""
    from scipy.stats import rankdata

    found = []
    try:
        for third in thirds:
            judged = np.ascontiguousarray(rows[third == _JUDGED])
            for learnt in range(_JUDGED):
                fitted = row_detector(recipe, -1).fit(np.ascontiguousarray(rows[third == learnt]))
                found.append(rankdata(fitted.score_rows(judged)) / len(judged))
    except Exception as error:  # a setting that cannot be is no reason to stop
        return failure_of(error)
    return found


def _teachers(recipe: Recipe, rows: Matrix, thirds: Sequence[npt.NDArray[np.int64]]) -> list[npt.NDArray[np.bool_]]:
    """What the ensemble finds oddest of the last third, after the first and after the second."""
    ensemble = msgspec.structs.replace(recipe, detector=DEFAULT, params={})
    found = _ranks(ensemble, rows, thirds)
    if isinstance(found, str):
        raise DataError(f"the ensemble cannot learn from these rows: {found}", mend="give more rows")
    return [ranks > 1 - _HIGHEST for ranks in found]


def _worth(ranks: Sequence[Sequence[Vector]], teachers: Sequence[npt.NDArray[np.bool_]]) -> list[float]:
    """Of each setting, the mean AUC with which it foretells what the ensemble finds after the other third."""
    # Where all rows are alike to the ensemble, it has nothing to foretell.
    told = [fit for fit in range(len(teachers)) if teachers[fit ^ 1].any()]
    return [
        float(np.mean([auc_roc(teachers[fit ^ 1], own[fit]) for fit in told])) if told else 0.5 for own in ranks
    ]  # fmt: skip
