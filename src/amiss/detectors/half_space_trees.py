"""Half-space trees over a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from amiss.core.detector import Capabilities
from amiss.core.one_pass import OnePassDetector
from amiss.core.params import Between, Whole
from amiss.core.search_space import LogRange
from amiss.kernels.halfspace import STATE, HalfSpaces, begun

__all__ = ["HalfSpaceTrees"]


class HalfSpaceTrees(OnePassDetector):
    """How empty the parts of space are in which a row falls, by the last full window of its entity's rows.

    Random trees halve the range of one feature after the other as long as many rows are left; a row's score is the mean
    over them of the logarithm, to the base 2, of how much rarer rows are in its part than if they were spread evenly.
    Fast, follows change within a window or two, needs no scaling; coarse, so that anomalies that stand close to the
    usual rows, or fill a window among themselves, are missed. Scores are 0 before the 16th row of an entity.

    The trees are made anew from the rows of each window, and at first from 16, 32, 64 … rows. Ranges are those of the
    window's rows without the most extreme 3 %, widened at random: a feature that is as good as constant is not asked,
    and a single change in it says nothing. A missing value counts for nothing. Scoring and learning
    cost O(n_trees × height) a row; an entity takes up to 48 × n_trees × height / smallest_share bytes for its trees,
    188 kB at the defaults, and 8 × window × n_features for its rows.

    Parameters
    ----------
    n_trees
        Number of trees, at least 1.
    height
        Most halvings, from 1 to 30.
    window
        Rows of a window, at least 16.
    smallest_share
        A part with less than this share of the window's rows is not halved any more; in (0, 0.5].
    random_state
        Seed, from 0.

    Attributes
    ----------
    counts_ : (n_entities, 3)
        Rows seen, rows that the trees are made of, and the height of the tallest.
    recent_ : (n_entities, window, n_features)
        The last rows.
    node_, value_ : (n_entities, n_trees, n_nodes, …)
        The trees; `kernels/halfspace.h` says how they lie. Thresholds in the features' units, values in bits.
    n_entities_
        Number of entities; the arrays may have room for more.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.detectors import HalfSpaceTrees
    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> detector = HalfSpaceTrees().fit(X)
    >>> bool(np.diff(detector.score_partial_fit([[0.0, 0.0], [6.0, 6.0]]))[0] > 5)
    True

    References
    ----------
    Tan, S. C., Ting, K. M. and Liu, T. F. (2011). Fast anomaly detection for streaming data. IJCAI.
    """

    capabilities: ClassVar = Capabilities(missing=True, reasons=True, additive=True, context=True)
    domains: ClassVar = {
        "n_trees": Whole(1),
        "height": Whole(1, 30),
        "window": Whole(16),
        "smallest_share": Between(0, 0.5, open_low=True),
        "random_state": Whole(0),
    }
    search_space: ClassVar = {"window": LogRange(100, 2000), "smallest_share": LogRange(0.02, 0.2)}
    arrays: ClassVar = STATE

    def __init__(
        self,
        n_trees: int = 25,
        height: int = 10,
        window: int = 250,
        smallest_share: float = 0.04,
        random_state: int = 0,
    ) -> None:
        self.n_trees = n_trees
        self.height = height
        self.window = window
        self.smallest_share = smallest_share
        self.random_state = random_state

    def _begun(self, n_entities: int) -> dict[str, Any]:
        return begun(n_entities, self.n_features_in_, self.n_trees, self.window, self.height, self.smallest_share)

    def _loop_of(self, held: Mapping[str, Any]) -> HalfSpaces:
        return HalfSpaces(**held, height=self.height, share=self.smallest_share, seed=self.random_state)
