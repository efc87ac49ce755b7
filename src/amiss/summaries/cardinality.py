"""How many different things were seen, of many groups at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Cardinality", "hashed"]

_BITS = 12
_REGISTERS = 1 << _BITS
_MOST_EXACT = 256

Codes = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


def hashed(values: npt.NDArray[np.generic]) -> Hashes:
    """Whole numbers mixed so that each of the 64 bits depends on all of them (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        z = values.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: Hashes = z ^ (z >> np.uint64(31))
    return mixed


@dataclass(frozen=True, slots=True)
class Cardinality:
    """Numbers of different values, exact up to 256 and within about 1.6 % beyond, in bounded memory for each group.

    Small sets are kept as they are; larger ones become a HyperLogLog of 4,096 registers. Which of the two a group is
    depends on its values alone, not on the order in which they came, so that merging is exactly associative.

    Attributes
    ----------
    n_groups
        Number of groups.
    groups, values : (n_kept,)
        Groups and hashes of the small sets, in ascending order.
    large : (n_large,)
        Groups that are large, in ascending order.
    registers : (n_large, 4096)
        Of each of them, the highest rank that its hashes reached.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.summaries.cardinality import Cardinality, hashed
    >>> few = Cardinality.of(np.array([0, 0, 1]), hashed(np.array([7, 7, 9])), 2)
    >>> few.counts()
    array([1., 1.])

    References
    ----------
    Flajolet, P., Fusy, É., Gandouet, O., and Meunier, F. (2007). HyperLogLog: the analysis of a near-optimal
    cardinality estimation algorithm. AofA.

    Ertl, O. (2017). New cardinality estimation algorithms for HyperLogLog sketches. arXiv:1702.01284.
    """

    n_groups: int
    groups: Codes
    values: Hashes
    large: Codes
    registers: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, groups: npt.NDArray[np.integer], hashes: Hashes, n_groups: int) -> Cardinality:
        """Of hashes that each belong to a group: 0 … `n_groups` − 1."""
        none = np.zeros((0, _REGISTERS), np.uint8)
        return cls(n_groups, *_different(groups.astype(np.int64), hashes), np.zeros(0, np.int64), none)._bounded()

    def merge(self, other: Cardinality) -> Cardinality:
        """Of the values of both, group by group."""
        large = np.union1d(self.large, other.large)
        registers = np.zeros((len(large), _REGISTERS), np.uint8)
        for one in (self, other):
            at = np.searchsorted(large, one.large)
            registers[at] = np.maximum(registers[at], one.registers)
        kept = _different(np.concatenate([self.groups, other.groups]), np.concatenate([self.values, other.values]))
        return Cardinality(max(self.n_groups, other.n_groups), *kept, large, registers)._bounded()

    def moved(self, to: npt.NDArray[np.integer], n_groups: int) -> Cardinality:
        """The same with other numbers of the groups, each its own; `to` is the new one of each: (n_groups,)."""
        places = to.astype(np.int64)
        groups, large = places[self.groups], places[self.large]
        order, first = np.lexsort((self.values, groups)), np.argsort(large)
        return Cardinality(n_groups, groups[order], self.values[order], large[first], self.registers[first])

    def counts(self) -> npt.NDArray[np.float64]:
        """Number of different values of each group, an estimate where they are many: (n_groups,)."""
        out = np.bincount(self.groups, minlength=self.n_groups).astype(np.float64)
        if len(self.large):
            # Ertl's estimate: right without bias for few values and for many, where that of 2007 errs between the two.
            empty = (self.registers == 0).sum(axis=1)
            powers = np.where(self.registers > 0, np.ldexp(1.0, -self.registers.astype(np.int32)), 0.0).sum(axis=1)
            out[self.large] = _REGISTERS**2 / (2 * np.log(2)) / (powers + _REGISTERS * _unseen(empty / _REGISTERS))
        return out

    def _bounded(self) -> Cardinality:
        """Sets that are too large to keep, and those of groups that are large already, turned into registers."""
        sizes = np.bincount(self.groups, minlength=self.n_groups)
        large = np.union1d(self.large, np.flatnonzero(sizes > _MOST_EXACT))
        move = np.isin(self.groups, large)
        if not move.any():
            return self
        registers = np.zeros((len(large), _REGISTERS), np.uint8)
        registers[np.searchsorted(large, self.large)] = self.registers
        values = self.values[move]
        place = (values >> np.uint64(64 - _BITS)).astype(np.int64)
        # The rank is the position of the first bit that is set after those that choose the register.
        rest = (values << np.uint64(_BITS)) | np.uint64(1 << (_BITS - 1))
        rank = (64 - _bit_length(rest) + 1).astype(np.uint8)
        np.maximum.at(registers, (np.searchsorted(large, self.groups[move]), place), rank)
        return Cardinality(self.n_groups, self.groups[~move], self.values[~move], large, registers)


def _unseen(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What registers that nothing reached add: x + Σ x^(2^k) 2^(k−1); not infinite, since some were reached."""
    out, power, weight = share.copy(), share * share, 1.0
    while power.max() * weight > 1e-12:
        out += power * weight
        power, weight = power * power, 2 * weight
    return out


def _bit_length(values: Hashes) -> npt.NDArray[np.int64]:
    """Number of bits that each needs."""
    out = np.zeros(len(values), np.int64)
    left = values.copy()
    for step in (32, 16, 8, 4, 2, 1):
        high = left >> np.uint64(step)
        wide = high > 0
        out[wide] += step
        left = np.where(wide, high, left)
    return out + (left > 0)


def _different(groups: Codes, values: Hashes) -> tuple[Codes, Hashes]:
    order = np.lexsort((values, groups))
    groups, values = groups[order], values[order]
    new = np.ones(len(groups), np.bool_)
    new[1:] = (groups[1:] != groups[:-1]) | (values[1:] != values[:-1])
    return groups[new], values[new]
