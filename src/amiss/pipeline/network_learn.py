"""Network traffic: what hosts do, and what no other flow is like."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from amiss.core.errors import DataError, PromiseError
from amiss.core.source import MemorySource, Progress, Source
from amiss.network.behave import find_behaviours
from amiss.network.context import WARM_UP
from amiss.network.exclusions import Exclusion, kept
from amiss.pipeline.flow_rows import FlowRows
from amiss.pipeline.network_events import event_of
from amiss.pipeline.network_result import NetworkResult
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.result import Result
from amiss.pipeline.unusual import unusual_findings

__all__ = ["detect_network", "one_by_one"]

_FEWEST_FLOWS = 100
"""So many are needed to say which of them are unlike the others."""
_DEFAULT_DISCOVERIES = "10%"
"""Of the flows that are called unusual this share may be usual ones: without anomalies there is then mostly none."""

Judge = Callable[[Source, Source | None, Recipe, Progress], Result]
"""Judges the rows of the first source, as learnt from the second, or from themselves where there is none."""


def detect_network(
    source: FlowRows, recipe: Recipe, judge: Judge, progress: Progress, usual: FlowRows | None = None
) -> NetworkResult:
    """Look at traffic: first at what hosts do, then at the other flows, one by one.

    Parameters
    ----------
    source
        The traffic.
    recipe
        How flows are judged one by one, and what is excluded.
    judge
        Ranks rows of a table by the recipe.
    progress
        Called with a stage and the share of it that is done.
    usual
        Traffic that is known to be good; None where there is none.
    """
    exclusions = [Exclusion.parse(text) for text in recipe.exclude]
    traffic = source.traffic(progress)
    reference = usual.traffic(progress) if usual is not None else None
    progress("behaviours", 0.0)
    found = find_behaviours(traffic, reference)
    progress("behaviours", 1.0)
    told = np.zeros(traffic.flows.n_flows, np.bool_)
    for finding in found:
        told[finding.flows] = True
    # The first flows have too little before them to be like any other; after good traffic they have that.
    rest = np.flatnonzero(~told)[0 if usual is not None else WARM_UP :]
    odd, notes = _odd(source, rest, recipe, judge, progress, usual)
    if odd is not None:
        unusual, said = unusual_findings(traffic, rest, odd, all_of_them=not recipe.wish().default)
        found, notes = [*found, *unusual], [*notes, *said]
    shown, counts = kept(found, traffic, exclusions)
    hidden = tuple((exclusion.text, n) for exclusion, n in zip(exclusions, counts, strict=True))
    shown.sort(key=lambda finding: (-finding.severity, finding.start))
    return NetworkResult(
        source=source, recipe=recipe, events=[event_of(finding, traffic) for finding in shown],
        members=[finding.flows for finding in shown], hidden=hidden, odd=odd, odd_rows=rest,
        known_good=usual.name if usual is not None else None, notes=notes,
    )  # fmt: skip


def one_by_one(recipe: Recipe) -> Recipe:
    """The recipe by which flows are judged one by one: where nothing is asked, a share of the alarms is promised."""
    wish = {"false_discoveries": _DEFAULT_DISCOVERIES} if recipe.wish().default and recipe.label is None else {}
    return msgspec.structs.replace(recipe, kind="table", **wish)


def _odd(
    source: FlowRows, rest: npt.NDArray[np.int64], recipe: Recipe, judge: Judge, progress: Progress,
    usual: FlowRows | None,
) -> tuple[Result | None, list[str]]:  # fmt: skip
    """The flows that no behaviour is told of, judged one by one."""
    if not len(rest):
        return None, []
    known = usual.traffic().flows.n_flows if usual is not None else len(rest)
    few = f"{known:,} flows are too few to tell which are unusual: flows were not judged one by one"
    if known < _FEWEST_FLOWS:
        return None, [few]
    by_row = one_by_one(msgspec.structs.replace(recipe, clean=recipe.clean or usual is not None))
    before = usual.traffic() if usual is not None else None
    rows = MemorySource(source.rows_after(before).rows(rest), source.name)
    learnt_from = usual.learnt if usual is not None else None
    try:
        return judge(rows, learnt_from, by_row, progress), []
    except PromiseError:
        if not recipe.wish().default:
            raise
        return None, [few]
    except DataError as error:
        return None, [f"flows were not judged one by one: {error.what}"]
