"""Which rows of a batch are anomalies, if only a share of the alarms may be false."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Vector

__all__ = ["discoveries", "normal_share"]

_HALF = 0.5


def normal_share(p_values: Vector) -> float:
    """Estimated share of normal rows in a batch, in (0, 1]: p-values above one half are nearly all theirs.

    References
    ----------
    Storey, J. D. (2002). A direct approach to false discovery rates. JRSS B.
    """
    n = len(p_values)
    return float(min(1.0, (1 + np.count_nonzero(p_values > _HALF)) / (n * (1 - _HALF)))) if n else 1.0


def discoveries(p_values: Vector, rate: float) -> npt.NDArray[np.bool_]:
    """Rows that raise an alarm, such that on average at most a share `rate` of the alarms is false.

    Benjamini and Hochberg's step-up rule, with Storey's estimate of the share of normal rows. The k rows with the
    lowest p-values raise an alarm, for the largest k whose k-th p-value is at most rate · k / (n_rows · normal share).

    Parameters
    ----------
    p_values : (n_rows,)
        Of a whole batch: the decision on a row depends on the rows beside it.
    rate
        Largest share of the alarms that may be false, in (0, 1).

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate. JRSS B.
    Bates, S., Candès, E., Lei, L., Romano, Y. and Sesia, M. (2023). Testing for outliers with conformal p-values.
    Annals of Statistics.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.thresholds.discoveries import discoveries
    >>> discoveries(np.array([0.001, 0.9, 0.02, 0.8, 0.6, 0.7]), 0.1)
    array([ True, False,  True, False, False, False])
    """
    n = len(p_values)
    if not n:
        return np.zeros(0, np.bool_)
    ordered = np.sort(p_values)
    allowed = rate * np.arange(1, n + 1) / (n * normal_share(p_values))
    kept = np.flatnonzero(ordered <= allowed * (1 + 1e-9))
    found: npt.NDArray[np.bool_] = p_values <= (ordered[kept[-1]] if len(kept) else -1.0)
    return found
