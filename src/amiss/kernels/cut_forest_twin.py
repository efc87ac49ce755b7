"""The NumPy twin of the random cut forest's loops: one entity, one row at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix, Vector
from amiss.kernels.forest import Random

__all__ = ["Entity"]

_MASK = 0xFFFFFFFFFFFFFFFF
_SMALLEST, _LARGEST, _BOUND, _USUAL_ROWS = 1e-150, 1e150, 5.0, 32
_ROOT, _POINTS, _LEAVES = range(3)
_FEATURE, _MASS = 2, 3
_NONE = -1


class Tree:
    """One tree: views of its part of the arrays."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], number: int) -> None:
        names = ("heads", "key", "holder", "spare", "parent", "node", "box", "point")
        here = (arrays[name][number] for name in names)
        self.head, self.key, self.holder, self.spare, self.parent, self.node, self.box, self.point = here
        self.capacity, self.width = self.point.shape

    def bounds(self, i: int) -> tuple[Vector, Vector]:
        """Lowest and highest coordinates below a node."""
        if i >= self.capacity:
            return self.point[i - self.capacity], self.point[i - self.capacity]
        return self.box[i, : self.width], self.box[i, self.width : 2 * self.width]

    def way(self, x: Vector, weight: Vector) -> list[int]:
        """Nodes from the root to the leaf that x comes to."""
        nodes = [int(self.head[_ROOT])]
        while nodes[-1] < self.capacity:
            i = nodes[-1]
            a, b, feature = self.node[i, :3].tolist()
            if weight[feature] > 0:
                nodes.append(a if x[feature] <= self.box[i, 2 * self.width] else b)
            else:
                nodes.append(b if self.node[b, _MASS] > self.node[a, _MASS] else a)
        return nodes

    def score(self, x: Vector, weight: Vector, logs: Vector, parts: Vector) -> float:
        """What x is worth if it were parted from each box on its way with the chance that a random cut does."""
        nodes, left, score = self.way(x, weight), 1.0, 0.0
        n, scale, outside = float(self.head[_POINTS]), float(logs[self.head[_POINTS] + 1]), 0.0
        for depth, i in enumerate(nodes):
            outside, whole, by_feature = _measure(x, *self.bounds(i), weight)
            if outside > _SMALLEST:
                gain = left * (scale / (depth + 1.0)) / whole
                score += gain * outside
                parts += gain * by_feature
                left *= 1.0 - outside / whole
        if outside > _SMALLEST:
            return score
        m = int(self.node[nodes[-1], _MASS])
        return score + left * ((1.0 - m / (2.0 * n)) * (scale / (len(nodes) - 1 + float(logs[m + 1]))))

    def insert(self, x: Vector, weight: Vector, random: Random) -> int:
        """Take x in; gives its leaf."""
        if self.head[_LEAVES] == 0:
            leaf = self._new_leaf(x)
            self._put(_NONE, _NONE, leaf)
            return leaf
        i = int(self.head[_ROOT])
        while True:
            low, high = self.bounds(i)
            outside, whole, by_feature = _measure(x, low, high, weight)
            if outside > _SMALLEST:
                drawn = random.uniform() * whole
                if drawn < outside or i >= self.capacity:
                    return self._part(i, x, by_feature, drawn)
            self.node[i, _MASS] += 1
            if i >= self.capacity:
                return i
            low[:], high[:] = np.minimum(low, x), np.maximum(high, x)
            a, b, feature = self.node[i, :3].tolist()
            i = a if x[feature] <= self.box[i, 2 * self.width] else b

    def take_out(self, leaf: int) -> None:
        """Take one point of a leaf out."""
        above = int(self.parent[leaf])
        self.node[leaf, _MASS] -= 1
        gone = self.node[leaf, _MASS] == 0
        if gone:
            self.head[_LEAVES] -= 1
            self.spare[1, self.head[_LEAVES]] = leaf
            if above < 0:
                self.head[_ROOT] = _NONE
                return
            a, b = self.node[above, :2].tolist()
            self.spare[0, self.head[_LEAVES] - 1] = above
            following = int(self.parent[above])
            self._put(following, above, b if a == leaf else a)
            above = following
        while above >= 0:
            self.node[above, _MASS] -= 1
            if gone:
                (low_a, high_a), (low_b, high_b) = (self.bounds(int(i)) for i in self.node[above, :2])
                low, high = self.bounds(above)
                low[:], high[:] = np.minimum(low_a, low_b), np.maximum(high_a, high_b)
            above = int(self.parent[above])

    def _new_leaf(self, x: Vector) -> int:
        leaf = int(self.spare[1, self.head[_LEAVES]])
        self.head[_LEAVES] += 1
        self.point[leaf - self.capacity] = x
        self.node[leaf, _MASS] = 1
        return leaf

    def _put(self, above: int, before: int, i: int) -> None:
        self.parent[i] = above
        if above < 0:
            self.head[_ROOT] = i
        else:
            self.node[above, int(self.node[above, 1] == before)] = i

    def _part(self, i: int, x: Vector, by_feature: Vector, drawn: float) -> int:
        low, high = self.bounds(i)
        chosen, share = _share(by_feature.tolist(), drawn)
        inner, leaf = int(self.spare[0, self.head[_LEAVES] - 1]), self._new_leaf(x)
        first = int(x[chosen] < low[chosen])
        start, end = (x[chosen], low[chosen]) if first else (high[chosen], x[chosen])
        cut = start * (1.0 - share) + end * share
        self._put(int(self.parent[i]), i, inner)
        self.node[inner, _FEATURE], self.node[inner, _MASS] = chosen, self.node[i, _MASS] + 1
        self.node[inner, 1 - first], self.node[inner, first] = leaf, i
        self.parent[i] = self.parent[leaf] = inner
        self.box[inner, : self.width] = np.minimum(low, x)
        self.box[inner, self.width : 2 * self.width] = np.maximum(high, x)
        self.box[inner, 2 * self.width] = cut if start <= cut < end else start
        return leaf

    def sink(self, key: float, leaf: int, n: int) -> None:
        """Put a point in the place of the first of the heap."""
        at = 0
        while (below := 2 * at + 1) < n:
            below += below + 1 < n and self.key[below] < self.key[below + 1]
            if self.key[below] <= key:
                break
            self.key[at], self.holder[at] = self.key[below], self.holder[below]
            at = int(below)
        self.key[at], self.holder[at] = key, leaf

    def rise(self, key: float, leaf: int, at: int) -> None:
        """Put a point at the end of the heap."""
        while at > 0 and self.key[(at - 1) // 2] < key:
            self.key[at], self.holder[at] = self.key[(at - 1) // 2], self.holder[(at - 1) // 2]
            at = (at - 1) // 2
        self.key[at], self.holder[at] = key, leaf

    def is_sound(self, n_coordinates: int) -> bool:
        """Whether all walks end, and what is in use is what is reached."""
        root, n, n_leaves = self.head.tolist()
        if not 0 <= n_leaves <= n <= self.capacity or (n_leaves == 0) != (n == 0) or (n == 0) != (root == _NONE):
            return False
        inner, leaves = self.spare[0, max(n_leaves - 1, 0) :].tolist(), self.spare[1, n_leaves:].tolist()
        unseen, waiting = set(range(2 * self.capacity)) - set(inner) - set(leaves), [(root, _NONE)] if n else []
        apart = all(0 <= i < self.capacity for i in inner) and all(self.capacity <= i for i in leaves)
        if not apart or len(unseen) != max(2 * n_leaves - 1, 0):
            return False
        held = Counter(self.holder[:n].tolist())
        while waiting:
            i, above = waiting.pop()
            if i not in unseen or self.parent[i] != above:
                return False
            unseen.remove(i)
            a, b, feature, mass = self.node[i].tolist()
            if i >= self.capacity and not 0 < mass == held[i]:
                return False
            if i < self.capacity:
                waiting += [(a, i), (b, i)]
                if not 0 <= feature < n_coordinates or not {a, b} <= unseen or self.node[[a, b], _MASS].sum() != mass:
                    return False
        return not unseen and (n == 0 or int(self.node[root, _MASS]) == n)


class Entity:
    """The forest of one entity: views of its part of the arrays."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], logs: Vector, fading: float, sure: float) -> None:
        self.logs, self.fading, self.sure = logs, fading, sure
        self.counts, self.recent, self.last = arrays["counts"], arrays["recent"], arrays["last"]
        self.level, self.spread, self.changes = arrays["level"], arrays["spread"], arrays["changes"]
        self.trees = [Tree(arrays, number) for number in range(len(arrays["heads"]))]
        self.shingle, self.n_features = self.recent.shape

    def is_sound(self) -> bool:
        """Whether all walks through the trees end."""
        return all(each.is_sound(self.shingle * self.n_features) for each in self.trees)

    def score(self, i: int, x: Vector, scores: Vector | None, terms: Matrix | None) -> None:
        """Write the score and the contributions of row i, x, where they are asked for."""
        sure = (self.spread > _SMALLEST) & (self.changes >= self.sure)
        point, weight = self._shape(x, sure)
        weight[(self.shingle - 1) * self.n_features : self.shingle * self.n_features][np.isnan(x)] = 0.0
        parts, asked = np.zeros(len(point)), bool((weight > 0).any())
        # Where nothing counts, a row is worth what the roots say: it is one of the rows.
        total = 0.5 * len(self.trees) if self.counts[0] and not asked else 0.0
        for each in self.trees if self.counts[0] and asked else ():
            total += each.score(point, weight, self.logs, parts)
        total /= len(self.trees)
        if scores is not None:
            scores[i] = total
        if terms is None:
            return
        rest = total
        for j in range(self.n_features):
            added = 0.0
            for k in range(self.shingle):
                added += float(parts[k * self.n_features + j])
            terms[i, j] = added / len(self.trees)
            rest -= float(terms[i, j])
        terms[i] += rest / self.n_features

    def learn(self, x: Vector) -> None:
        """Learn the next row."""
        point, _ = self._shape(x, np.zeros(self.n_features, bool))
        self._follow(x)
        _, weight = self._shape(x, self.spread > _SMALLEST)
        random = Random(int(self.counts[1]) & _MASK)
        for each in self.trees:
            u = random.uniform()
            key = math.log(-math.log(u if u > 0 else 2.0**-54)) - self.fading * float(self.counts[0])
            n = int(each.head[_POINTS])
            if n < each.capacity:
                each.rise(key, each.insert(point, weight, random), n)
                each.head[_POINTS] = n + 1
            elif key < each.key[0]:
                each.take_out(int(each.holder[0]))
                each.sink(key, each.insert(point, weight, random), n)
        self.counts[:] = np.array([self.counts[0] + 1, random.state], np.uint64).astype(np.int64)

    def _shape(self, x: Vector, counted: npt.NDArray[np.bool_]) -> tuple[Vector, Vector]:
        """The point that x makes with the rows before it, and how much each coordinate counts."""
        known, seen = np.where(np.isnan(self.last), 0.0, self.last), int(self.counts[0])
        value, width = np.where(np.isnan(x), known, np.clip(x, -_LARGEST, _LARGEST)), self.trees[0].width
        point, weight = np.zeros(width), np.zeros(width)
        each = np.divide(1.0, self.spread, out=np.zeros(self.n_features), where=counted)
        for k in range(self.shingle):
            back, here = self.shingle - 1 - k, slice(k * self.n_features, (k + 1) * self.n_features)
            earlier = self.recent[(seen - back) % self.shingle] if seen >= back else self.recent[0]
            point[here] = value if back == 0 or seen == 0 else earlier
            weight[here] = each
        return point, weight

    def _follow(self, x: Vector) -> None:
        """What is known of the single features."""
        seen = int(self.counts[0])
        rate, start = -math.expm1(-self.fading), 1.0 / (seen + 1.0)
        self.changes *= 1.0 - rate
        for j, value in enumerate(np.clip(x, -_LARGEST, _LARGEST).tolist()):
            if math.isnan(value):
                continue
            if math.isnan(self.last[j]):
                self.last[j] = self.level[j] = value
            far, wide = abs(value - float(self.level[j])), float(self.spread[j])
            self.changes[j] += value != self.last[j]
            if seen >= _USUAL_ROWS and wide > 0 and far > _BOUND * wide:
                far = _BOUND * wide
            self.spread[j] += max(rate, start) * (far - wide)
            self.level[j] += max(rate, start) * (value - float(self.level[j]))
            self.last[j] = value
        self.recent[seen % self.shingle] = np.where(np.isnan(self.last), 0.0, self.last)


def _measure(x: Vector, low: Vector, high: Vector, weight: Vector) -> tuple[float, float, Vector]:
    """How far x lies outside of a box, how wide the box is with it, by weight; and the first by feature."""
    below, above = low - x, x - high
    by_feature = weight * (np.where(below > 0, below, 0.0) + np.where(above > 0, above, 0.0))
    outside = _sum(by_feature)
    return outside, outside + _sum(weight * (high - low)), by_feature


def _sum(values: Vector) -> float:
    """The sum in the order of the compiled loop, which adds four side by side."""
    total = np.zeros(4)
    for four in values.reshape(-1, 4):
        total += four
    return float((total[0] + total[1]) + (total[2] + total[3]))


def _share(sizes: list[float], drawn: float) -> tuple[int, float]:
    """The feature in whose part of all sizes, one after the other, the number falls, and where in it."""
    chosen, share, before = -1, 0.0, 0.0
    for q, size in enumerate(sizes):
        if size <= 0:
            continue
        chosen, share = q, (drawn - before) / size
        if drawn < before + size:
            break
        before += size
    return chosen, min(max(share, 0.0), 1.0)
