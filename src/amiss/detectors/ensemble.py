"""Several unlike detectors together, the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from amiss.core.catalog import detector_class
from amiss.core.detector import Capabilities, Matrix, MergeDetector, Vector
from amiss.core.params import Flag, Optional, Whole
from amiss.core.rarity import deviation_of
from amiss.core.summary import Sample, Summary
from amiss.detectors._familiar import Familiar
from amiss.kernels.neighbors import Neighbors
from amiss.prepare.scales import Space
from amiss.summaries.blame import neighbor_shares, quadratic_shares, share_out
from amiss.summaries.moments import complete, mahalanobis

__all__ = ["Ensemble"]

# All numbers were chosen together on the 22 development tables, see benchmarks/accuracy/.
_JUDGES: Mapping[str, tuple[Mapping[str, Any], bool]] = {
    "isolation_forest": ({}, False),
    "hbos": ({"n_bins": 20}, False),
    "robust_covariance": ({"support": 0.7, "sample_size": 5000}, True),
}
"""Who says which learnt rows are suspicious: name → (parameters, whether the score is a distance)."""
_JUDGING_NEIGHBORS = (256, 25)
"""Reference rows and neighbours of the fourth judge."""
_WIDEST_COVARIANCE = 300
_TRUSTED = 0.6
"""Share of the rows learnt that is trusted where they are dirty."""
_REFERENCES = {"trusted": 1024, "range": 1024, "local": 2048}
_ALL_REFERENCES = 10_000
"""Rows learnt from which on so many are compared with; half of them in a table half as large, and no fewer."""
_N_NEIGHBORS = 5
_FLOOR = 0.01
"""Of a usual distance: what is nearer than this is all alike."""
_SUSPICIOUS = (0.02, 0.05, 0.1, 0.2)
_ALONE, _IN_COMPANY = 0.95, 0.91
"""How lonely suspicious rows are in clean and in dirty data."""
_LEAST_DOUBT = 0.3
_BROKEN, _BROKEN_WEIGHT = 4.0, 0.25
"""Deviations from which on the covariance alone speaks against a row, and how loudly: a relation is broken."""
_FARTHEST = 1e100
_FARTHEST_HOLE = 10.0
_TINY = 1e-12
_AT_ONCE = 32_768
"""Rows whose neighbours are looked for at once: no second copy of a large table is made."""


class Ensemble(MergeDetector[Summary]):
    """How far a row is from rows that can be trusted; which these are, four unlike detectors say.

    An isolation forest, histograms, a robust covariance and neighbours judge the rows learnt together. Two distances
    come of it: to the nearest of the *trusted* rows, those that the judges find least suspicious, and to the nearest of
    *all* rows. Clean data want the second, which knows every normal corner; data that hold the anomalies looked for
    want the first, because a clump of anomalies is its own near company. How much each counts is decided by the data:
    where suspicious rows are lonely they are chance, where they have close company they are dirt. A row that the
    covariance finds far out of all proportion is raised for that alone: it breaks a relation.

    Where the rows learnt are known to be `clean`, nothing is distrusted, and there is more to ask: distances to the
    nearest of all rows by range, on a logarithmic scale and by ranks, and how large they are for so dense a place. Each
    becomes the surprise that a normal row would reach it, and the mean of the surprises counts.

    Never far from the best single method on either kind of data, and much better than the worst, which is what a
    default needs. Where one kind of anomaly is known, its own detector may be a little better.

    Fitting costs a second or two at most, scoring O(n_rows × n_features) time with some 4,000 rows to compare with;
    memory 8 bytes for each of their values. Missing values are completed by what the covariance lets expect (by
    medians beyond 300 features), and count as far out as they are rare.

    Parameters
    ----------
    clean
        The rows learnt hold no anomalies: none is distrusted. Sharper where it is true, and blind to what it has learnt
        where it is not.
    sample_size
        Rows kept to learn from, at least 2; None keeps all.
    random_state
        Seed, from 0.
    n_jobs
        Threads; −1 uses every processor.

    Attributes
    ----------
    doubt_
        Weight of the distance to trusted rows beside that to all rows, in [0, 1].
    loneliness_
        Mean rank of suspicious rows by their distance to all others, 1 where they are the farthest, or if `clean`.
    fill_, location_ : (n_features,)
        Medians, and centre of the covariance.
    precision_ : (n_features, n_features)
        Its inverse; empty beyond 300 features.
    usual_ : (3,)
        Floor, median and robust deviation of the logarithms of the covariance's distances of the rows learnt.
    rows_ : dict of (n_kept, n_features)
        Rows compared with: "trusted", "range" (all rows, features in units of their range) and "local" (all rows);
        like `scales_` and `levels_` empty if `clean`.
    scales_ : dict of (3, n_features)
        Location and scale of the features where they are compared, and the gap that a missing value counts there.
    levels_ : dict of (3,)
        Floor, mean and standard deviation of the logarithms of the distances of the rows learnt.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import Ensemble
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> scores = Ensemble().fit(X).anomaly_score([[0, 0], [6, 6]])
    >>> bool(scores[0] < 1 < 3 < scores[1])
    True

    References
    ----------
    Aggarwal, C. C. and Sathe, S. (2015). Theoretical foundations and algorithms for outlier ensembles. SIGKDD
    Explorations.
    Sugiyama, M. and Borgwardt, K. (2013). Rapid distance-based outlier detection via sampling. NIPS.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True)
    domains: ClassVar = {
        "clean": Flag(),
        "sample_size": Optional(Whole(2)),
        "random_state": Whole(0),
        "n_jobs": Optional(Whole(-1)),
    }

    def __init__(
        self,
        clean: bool = False,
        sample_size: int | None = 10_000,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.clean = clean
        self.sample_size = sample_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    # Learning -----------------------------------------------------------------------------------------

    def _solve(self, summary: Summary | None, sample: Sample) -> None:
        X = sample.rows
        self.fill_ = np.nanmedian(np.where(np.isnan(X).all(axis=0), 0.0, X), axis=0)
        judges = self._judges(X, ["robust_covariance"] if self.clean else list(_JUDGES))
        cloud: Any = judges.get("robust_covariance")
        self.location_ = self.fill_ if cloud is None else cloud.location_
        self.precision_ = np.empty((0, 0)) if cloud is None else cloud.precision_
        whole = self._completed(X)
        self.usual_ = np.array([_TINY, 0.0, 1.0])
        if len(self.precision_):
            self.usual_ = _robust_level(mahalanobis(whole, self.location_, self.precision_))
        rare = deviation_of(np.maximum(np.isnan(X).mean(axis=0), 0.5 / len(X)))
        self.rows_: dict[str, Matrix] = {}
        self.scales_: dict[str, Matrix] = {}
        self.levels_: dict[str, Vector] = {}
        self._voices: dict[str, _Voice] = {}
        self._familiar: Familiar | None = None
        self.doubt_, self.loneliness_, self.local_spread_ = 0.0, 1.0, 1.0
        if self.clean:
            self._familiar = Familiar.of(X, whole, rare, self.n_jobs)
            return
        near = self._learn_voice("local", X, whole, whole, rare)
        local = (self._learn_voice("range", X, whole, whole, rare) + near) / 2
        self.local_spread_ = max(float(local.std()), _TINY)
        suspicion = self._suspicion(X, whole, judges)
        self.loneliness_ = _loneliness(suspicion, local)
        doubt = (_ALONE - self.loneliness_) / (_ALONE - _IN_COMPANY)
        self.doubt_ = float(np.clip(doubt, _LEAST_DOUBT, 1.0))
        n_trusted = min(len(X), max(int(_TRUSTED * len(X)), 2 * _N_NEIGHBORS))
        # In the order of the sample, of which any leading part is uniform.
        trusted = np.sort(np.argsort(suspicion, kind="stable")[:n_trusted])
        self._learn_voice("trusted", X, whole, np.ascontiguousarray(whole[trusted]), rare)

    def _judges(self, X: Matrix, names: list[str]) -> dict[str, MergeDetector[Any]]:
        found: dict[str, MergeDetector[Any]] = {}
        for name in names:
            params, _ = _JUDGES[name]
            if name != "robust_covariance" or X.shape[1] <= _WIDEST_COVARIANCE:
                judge: MergeDetector[Any] = detector_class(name)(**params)
                shared = {"random_state": self.random_state, "n_jobs": self.n_jobs}
                judge.set_params(**{k: v for k, v in shared.items() if hasattr(judge, k)})
                view = X if judge.capabilities.missing else np.where(np.isnan(X), self.fill_, X)
                found[name] = judge.fit_summary(judge.summarize_rows(view))
        return found

    def _suspicion(self, X: Matrix, whole: Matrix, judges: Mapping[str, MergeDetector[Any]]) -> Vector:
        """What the judges find of the rows learnt: the mean of their standardised scores."""
        n_reference, n_neighbors = _JUDGING_NEIGHBORS
        location, scale, _ = self.scales_["local"]
        Z = Space(location, scale, logarithmic=True)(whole)
        near = Neighbors(Z[:n_reference])
        k = min(n_neighbors, max(len(near.reference) - 1, 1))
        distance, _ = near.nearest(Z, k, skip_self=True, n_jobs=self.n_jobs)
        found = [_standardised(_far(distance[:, -1], _floor(distance[:, -1])))]
        for name, judge in judges.items():
            score = judge.score_rows(X if judge.capabilities.missing else whole)
            found.append(_standardised(_far(score, _floor(score)) if _JUDGES[name][1] else score))
        mean: Vector = np.mean(found, axis=0)
        return mean

    def _learn_voice(self, name: str, X: Matrix, whole: Matrix, rows: Matrix, rare: Vector) -> Vector:
        """Learn a distance to some of `rows`; gives the scores of all rows learnt."""
        # What never moves among the trusted rows is still measured by what is usual among all.
        usual = self.scales_["local"][1] if self.scales_ else None
        space = Space.unit_range(rows) if name == "range" else Space.signed_log(rows, usual)
        holes = rare * usual / space.scale if name == "range" and usual is not None else np.log1p(rare)
        self.rows_[name] = space(rows[: _n_compared(name, len(X))])
        self.scales_[name] = np.stack([space.location, space.scale, np.minimum(holes, _FARTHEST_HOLE)])
        voice = _Voice(name, self.rows_[name], self.scales_[name], np.array([0.0, 0.0, 1.0]))
        distance = voice.distances(X, whole, self.n_jobs)
        level = _floor(distance)
        far = _far(distance, level)
        self.levels_[name] = np.array([level, far.mean(), max(float(far.std()), _TINY)])
        self._voices[name] = voice.at(self.levels_[name])
        scores: Vector = (far - self.levels_[name][1]) / self.levels_[name][2]
        return scores

    # Scoring ------------------------------------------------------------------------------------------

    def _completed(self, X: Matrix) -> Matrix:
        return complete(X, self.location_, self.precision_) if np.isnan(X).any() else X

    def _local(self, X: Matrix, whole: Matrix) -> Vector:
        """Mean of the two distances to all rows."""
        near, far = (self._voices[name].score(X, whole, self.n_jobs) for name in ("range", "local"))
        both: Vector = (near + far) / 2
        return both

    def _score(self, X: Matrix) -> Vector:
        whole = self._completed(X)
        score = np.zeros(len(X)) if self._familiar is None else self._familiar.score(X, whole, self.n_jobs)
        if self.doubt_ > 0:
            score += self.doubt_ * self._voices["trusted"].score(X, whole, self.n_jobs)
        if self._familiar is None and self.doubt_ < 1:
            score += (1 - self.doubt_) * self._local(X, whole) / self.local_spread_
        if len(self.precision_):
            score += self._broken(whole)
        return score

    def _broken(self, whole: Matrix) -> Vector:
        """What a broken relation adds: the distances drown it where other columns are noisy."""
        floor, mean, deviation = self.usual_
        far = _far(np.minimum(mahalanobis(whole, self.location_, self.precision_), _FARTHEST), floor)
        loud: Vector = _BROKEN_WEIGHT * np.maximum((far - mean) / deviation - _BROKEN, 0.0)
        return loud

    def _weights(self) -> dict[str, float]:
        """What each distance adds to the score, where the rows learnt may be dirty."""
        if self._familiar is not None:
            return {}
        local = (1 - self.doubt_) / (2 * self.local_spread_)
        weights = {"trusted": self.doubt_, "range": local, "local": local}
        return {name: weight for name, weight in weights.items() if weight > 0}

    def _contributions(self, X: Matrix) -> Matrix:
        """What speaks against a row, by feature: each distance that is far has its say in proportion."""
        whole = self._completed(X)
        total = np.zeros_like(X)
        if self._familiar is not None:
            total += self._familiar.contributions(X, whole, self.n_jobs)
        for name, weight in self._weights().items():
            voice = self._voices[name]
            loud = np.maximum(voice.score(X, whole, self.n_jobs), 0.0) * weight
            # Roots, so that of several causes the largest does not hide the others.
            total += loud[:, None] * np.sqrt(voice.shares(X, whole))
        if len(self.precision_):
            shares = quadratic_shares(np.clip(whole - self.location_, -_FARTHEST, _FARTHEST), self.precision_)
            total += self._broken(whole)[:, None] * np.sqrt(shares)
        return total

    # The state ----------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What has been learnt, the parts of each distance as `rows_.NAME`, `scales_.NAME`, `levels_.NAME`."""
        state = super().state()
        for part in ("rows_", "scales_", "levels_"):
            state |= {f"{part}.{name}": array for name, array in state.pop(part).items()}
        if self._familiar is not None:
            state |= {f"familiar.{name}": array for name, array in self._familiar.arrays.items()}
        return state

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take up a `state`; ValueError if its arrays do not fit together."""
        super().restore({key: value for key, value in state.items() if "." not in key})
        for part in ("rows_", "scales_", "levels_"):
            named = {key.partition(".")[2]: value for key, value in state.items() if key.startswith(f"{part}.")}
            setattr(self, part, named)
        familiar = {key.partition(".")[2]: value for key, value in state.items() if key.startswith("familiar.")}
        self._familiar = Familiar(familiar) if familiar else None
        shapes = {name: (rows.shape[1], self.scales_[name].shape) for name, rows in self.rows_.items()}
        d = self.n_features_in_
        if (
            set(shapes) != set(self.levels_)
            or any(shape != (d, (3, d)) for shape in shapes.values())
            or (self._familiar is not None and not self._familiar.fits(d))
        ):
            raise ValueError("the arrays of the ensemble do not fit together")
        self._voices = {
            name: _Voice(name, rows, self.scales_[name], self.levels_[name]) for name, rows in self.rows_.items()
        }
        return self


class _Voice:
    """The distance to some rows in some space, as it enters the score.

    A missing value, which has been completed and so adds nothing, counts as a gap of as many deviations as it is rare.
    """

    def __init__(self, name: str, rows: Matrix, scales: Matrix, level: Vector) -> None:
        self._space = Space(scales[0], scales[1], name != "range")
        self._near = Neighbors(rows)
        self._mean = name != "trusted"
        self._holes = scales[2] ** 2
        self._level = level

    def at(self, level: Vector) -> Self:
        """The same distance at another level."""
        self._level = level
        return self

    def distances(self, X: Matrix, whole: Matrix, n_jobs: int | None) -> Vector:
        """To the last of the trusted neighbours, or to all neighbours on average."""
        k = min(_N_NEIGHBORS, max(len(self._near.reference) - 1, 1))
        distance = np.empty(len(whole))
        for start in range(0, len(whole), _AT_ONCE):
            Z = self._space(whole[start : start + _AT_ONCE])
            near, _ = self._near.nearest(Z, k, skip_self=True, n_jobs=n_jobs)
            distance[start : start + _AT_ONCE] = near.mean(axis=1) if self._mean else near[:, -1]
        np.minimum(distance, _FARTHEST, out=distance)
        if whole is not X:
            distance = np.sqrt(distance**2 + np.where(np.isnan(X), self._holes, 0.0).sum(axis=1))
        return distance

    def score(self, X: Matrix, whole: Matrix, n_jobs: int | None) -> Vector:
        """The logarithm of the distance, in deviations from that of the rows learnt."""
        floor, mean, deviation = self._level
        score: Vector = (_far(self.distances(X, whole, n_jobs), floor) - mean) / deviation
        return score

    def shares(self, X: Matrix, whole: Matrix) -> Matrix:
        """Share of each feature in the squared distances."""
        Z = self._space(whole)
        shares = neighbor_shares(Z, self._near.reference)
        if whole is X:
            return shares
        near, _ = self._near.nearest(Z, 1, skip_self=True)
        holes = np.where(np.isnan(X), self._holes, 0.0)
        square: Matrix = shares * np.minimum(near, _FARTHEST) ** 2 + holes
        return share_out(np.ones(len(X)), square, shares)


def _n_compared(name: str, n_rows: int) -> int:
    """Rows kept to compare with: in a small table not so many that a few like anomalies have their own company."""
    most = _REFERENCES[name]
    return min(most, max(most // 2, int(most * n_rows / _ALL_REFERENCES)))


def _floor(distance: Vector) -> float:
    return max(_FLOOR * float(np.median(distance)), _TINY)


def _far(distance: Vector, floor: float) -> Vector:
    """The logarithm of a distance: its tail would outvote all else."""
    far: Vector = np.log(distance + floor)
    return far


def _robust_level(distance: Vector) -> Vector:
    """Floor, median and robust deviation of the logarithms of distances."""
    floor = _floor(distance)
    far = _far(distance, floor)
    middle = float(np.median(far))
    return np.array([floor, middle, max(1.4826 * float(np.median(np.abs(far - middle))), 1e-3)])


def _standardised(scores: Vector) -> Vector:
    standard: Vector = (scores - scores.mean()) / max(float(scores.std()), _TINY)
    return standard


def _loneliness(suspicion: Vector, local: Vector) -> float:
    """Mean rank of the most suspicious rows by their distance to all others: ½ by chance, 1 if the farthest."""
    n = len(suspicion)
    order = np.argsort(-suspicion, kind="stable")
    rank = np.empty(n)
    rank[np.argsort(local, kind="stable")] = np.arange(n) / n
    found = []
    for share in _SUSPICIOUS:
        m = min(max(5, int(share * n)), n - 1)
        found.append((rank[order[:m]].mean() - m / n / 2) / (1 - m / n))
    return float(np.mean(found))
