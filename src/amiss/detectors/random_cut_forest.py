"""Random cut forest over a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from amiss.core.detector import Capabilities
from amiss.core.one_pass import OnePassDetector
from amiss.core.params import Between, Whole
from amiss.core.search_space import LogRange
from amiss.kernels.cut_forest import STATE, CutForest, begun

__all__ = ["RandomCutForest"]

_SURE = 8.0
"""Changes of a feature before it counts."""


class RandomCutForest(OnePassDetector):
    """How near the root random cuts would part a row from samples of the rows so far, which fade with time.

    Each tree holds a sample in which a row counts half as much as one that came `half_life` rows later; points come and
    go without a tree being made anew. A row is scored by the depth at which a cut would part it, over all cuts that
    could: about 1 for usual rows, up to log2(sample_size + 1) for the farthest. Better ranks than half-space trees, and
    slower; with `shingle` rows seen as one point it also finds odd courses of values that are usual one by one.

    Features are measured in units of their own running spread, so none needs scaling. One that has hardly ever changed
    (fewer than 8 times, old ones fading) does not count, so that a constant feature that changes by a unit raises
    nothing; and neither does a missing value, which is learnt as the last that was there. Scoring costs O(n_trees ×
    log(sample_size) × n_features × shingle) a row, learning about half of that; memory is n_trees × sample_size × (24 ×
    width + 92) bytes an entity, where width is n_features × shingle, rounded up to a multiple of 4: 3.9 MB at the
    defaults with 10 features, whatever the number of rows.

    Parameters
    ----------
    n_trees
        Number of trees, at least 1.
    sample_size
        Points that a tree holds, from 2 to 2²⁰.
    shingle
        Rows seen as one point, at least 1.
    half_life
        Rows after which a row counts half as much, at least 1.
    random_state
        Seed, from 0.

    Attributes
    ----------
    counts_ : (n_entities, 2)
        Rows seen, and the state of the random numbers.
    last_, level_, spread_, changes_ : (n_entities, n_features)
        Last value, running mean and mean distance to it, in the features' units; number of changes.
    recent_ : (n_entities, shingle, n_features)
        The last rows.
    heads_, key_, holder_, spare_, parent_, node_, box_, point_ : (n_entities, n_trees, …)
        The trees; `kernels/cut_forest.h` says how they lie.
    n_entities_
        Number of entities; the arrays may have room for more.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import RandomCutForest
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> detector = RandomCutForest().fit(X)
    >>> bool(np.diff(detector.score_partial_fit([[0.0, 0.0], [6.0, 6.0]]))[0] > 2)
    True

    References
    ----------
    Guha, S. et al. (2016). Robust random cut forest based anomaly detection on streams. ICML.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, additive=True, context=True)
    domains: ClassVar = {
        "n_trees": Whole(1),
        "sample_size": Whole(2, 1 << 20),
        "shingle": Whole(1),
        "half_life": Between(1),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {"sample_size": LogRange(64, 1024), "half_life": LogRange(250, 20_000)}
    arrays: ClassVar = STATE

    def __init__(
        self,
        n_trees: int = 40,
        sample_size: int = 256,
        shingle: int = 1,
        half_life: float = 2000.0,
        random_state: int = 0,
    ) -> None:
        self.n_trees = n_trees
        self.sample_size = sample_size
        self.shingle = shingle
        self.half_life = half_life
        self.random_state = random_state

    def _begun(self, n_entities: int) -> dict[str, Any]:
        return begun(
            n_entities, self.n_features_in_, self.shingle, self.n_trees, self.sample_size, self.random_state
        )  # fmt: skip

    def _loop_of(self, held: Mapping[str, Any]) -> CutForest:
        return CutForest(**held, half_life=self.half_life, sure=_SURE)
