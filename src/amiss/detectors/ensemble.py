"""Several unlike detectors together, the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from amiss.core.catalog import detector_class
from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Optional, Whole
from amiss.core.summary import Sample, Summary
from amiss.summaries.moments import complete

__all__ = ["Ensemble"]

# name → (parameters, whether the score is a distance). Distances have heavy tails: the mean takes their logarithm, or
# they would outvote the others; the highest takes their root, or a row that one member alone finds far out, because
# it breaks a relation, would drown. Chosen together on the 22 development tables, see benchmarks/accuracy/.
_MEMBERS: Mapping[str, tuple[Mapping[str, Any], bool]] = {
    "isolation_forest": ({}, False),
    "hbos": ({"n_bins": 20}, False),
    "robust_covariance": ({"support": 0.7, "sample_size": 5000}, True),
    "knn": ({"n_neighbors": 16, "sample_size": 512}, True),
}
_WIDEST_COVARIANCE = 300
_TINY = 1e-12
_FLOOR = 0.01
"""Of a usual distance: what is nearer to the centre than this is all alike."""
_LOUDEST = 0.5
"""Weight of the highest of the members' scores beside their mean."""


class Ensemble(MergeDetector[Summary]):
    """Four detectors that fail on different data, brought to one scale: their mean plus half the highest of them.

    An isolation forest and histograms see extreme values, robust covariance sees broken relations, neighbours see
    rows between and outside clusters. Never far from the best of them, and much better than the worst, which is what
    a default needs. Where one kind of anomaly is known, its own detector may be a little better.

    The covariance is left out beyond 300 features, where it would cost more than all the others. Missing values are
    data to the forest and the histograms; for the others they are completed by what the covariance lets expect.

    Parameters
    ----------
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed, from 0.
    n_jobs
        Threads for scoring; −1 uses every processor.

    Attributes
    ----------
    members_
        The fitted detectors by name.
    fill_ : (n_features,)
        Medians, put where a value is missing and there is no covariance to tell better.
    floor_ : (n_members,)
        Added to a distance before its logarithm is taken: rows at the very centre are no news.
    center_, spread_ : (2, n_members)
        Mean and standard deviation of each member's score over the rows learnt, as it enters the mean, and the highest.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import Ensemble
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> scores = Ensemble().fit(X).anomaly_score([[0, 0], [6, 6]])
    >>> bool(scores[0] < 0 < 3 < scores[1])
    True

    References
    ----------
    Aggarwal, C. C. and Sathe, S. (2015). Theoretical foundations and algorithms for outlier ensembles. SIGKDD
    Explorations.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True)
    domains: ClassVar = {
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }

    def __init__(self, sample_size: int | None = 10_000, random_state: int = 0, n_jobs: int | None = None) -> None:
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        self.fill_ = np.nanmedian(np.where(np.isnan(X).all(axis=0), 0.0, X), axis=0)
        self.members_: dict[str, MergeDetector[Any]] = {}
        # In this order: the covariance, once fitted, completes missing values for the neighbours.
        for name in _MEMBERS:
            if name != "robust_covariance" or X.shape[1] <= _WIDEST_COVARIANCE:
                member = self._member(name)
                self.members_[name] = member.fit_summary(member.summarize_rows(self._view(member, X)))
        raw = self._raw_scores(X[:5000])
        self.floor_ = np.maximum(_FLOOR * np.median(raw, axis=0), _TINY)
        both = self._both_scales(X[:5000])
        self.center_ = both.mean(axis=1)
        self.spread_ = np.maximum(both.std(axis=1), _TINY)

    def _member(self, name: str) -> MergeDetector[Any]:
        params = dict(_MEMBERS[name][0])
        member: MergeDetector[Any] = detector_class(name)(**params)
        shared = {"random_state": self.random_state, "n_jobs": self.n_jobs}
        return member.set_params(**{k: v for k, v in shared.items() if hasattr(member, k)})

    def _view(self, member: MergeDetector[Any], X: Matrix) -> Matrix:
        if member.capabilities.missing or not np.isnan(X).any():
            return X
        cloud: Any = self.members_.get("robust_covariance")
        if cloud is None:
            return np.where(np.isnan(X), self.fill_, X)
        return complete(X, cloud.location_, cloud.precision_)

    def _both_scales(self, X: Matrix) -> npt.NDArray[np.float64]:
        """Scores of the members as they enter the mean, and the highest: (2, n_rows, n_members)."""
        raw = self._raw_scores(X)
        far = np.array([_MEMBERS[name][1] for name in self.members_])
        for_mean, for_highest = raw.copy(), raw.copy()
        for_mean[:, far] = np.log(raw[:, far] + self.floor_[far])
        for_highest[:, far] = np.sqrt(raw[:, far])
        return np.stack([for_mean, for_highest])

    def _raw_scores(self, X: Matrix) -> Matrix:
        return np.stack([m.score_rows(self._view(m, X)) for m in self.members_.values()], axis=1)

    def _standard_scores(self, X: Matrix) -> npt.NDArray[np.float64]:
        """The same, in deviations from each member's mean."""
        gap = self._both_scales(X) - self.center_[:, None, :]
        standard: npt.NDArray[np.float64] = gap / self.spread_[:, None, :]
        return standard

    def _score(self, X: Matrix) -> Vector:
        for_mean, for_highest = self._standard_scores(X)
        score: Vector = for_mean.mean(axis=1) + _LOUDEST * for_highest.max(axis=1)
        return score

    def _contributions(self, X: Matrix) -> Matrix:
        """What speaks against a row, by feature: members that find it odd have their say in proportion."""
        weight = np.maximum(self._standard_scores(X)[1], 0.0) / len(self.members_)
        total = np.zeros_like(X)
        for k, member in enumerate(self.members_.values()):
            terms = member.contribute_rows(self._view(member, X))
            if not member.capabilities.missing:
                terms = np.where(np.isnan(X), 0.0, terms)
            # What all features add alike tells none of them apart.
            common = np.median(terms, axis=1, keepdims=True) if X.shape[1] > 1 else 0.0
            against = np.maximum(terms - common, 0.0)
            whole = against.sum(axis=1, keepdims=True)
            share = np.divide(against, whole, out=np.zeros_like(against), where=whole > 0)
            # Roots: of three causes a member that knows one best must not hide the two that others know.
            total += weight[:, k, None] * np.sqrt(share)
        return total

    def state(self) -> dict[str, Any]:
        """What has been learnt, the members' share as `members_.NAME.ATTRIBUTE`."""
        state = super().state()
        del state["members_"]
        for name, member in self.members_.items():
            state |= {f"members_.{name}.{key}": value for key, value in member.state().items()}
        return state

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`."""
        own = {key: value for key, value in state.items() if not key.startswith("members_.")}
        super().restore(own)
        self.members_ = {}
        for name in _MEMBERS:
            prefix = f"members_.{name}."
            theirs = {key.removeprefix(prefix): v for key, v in state.items() if key.startswith(prefix)}
            if theirs:
                self.members_[name] = self._member(name).restore(theirs)
        return self
