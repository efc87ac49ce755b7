"""NetworkModel: what good traffic is like, flow by flow and host by host."""

from __future__ import annotations

from typing import Any

from amiss.core.source import Progress, Source, silent
from amiss.network.traffic import Traffic
from amiss.pipeline.flow_rows import FlowRows
from amiss.pipeline.model import Model
from amiss.pipeline.network_learn import detect_network
from amiss.pipeline.recipe import Recipe
from amiss.pipeline.result import Result

__all__ = ["MOST_KEPT", "NetworkModel"]

MOST_KEPT = 500_000
"""Flows of good traffic that a model keeps, to compare hosts with; of more, the latest."""


class NetworkModel(Model):
    """As `Model` for the flows one by one, and:

    Attributes
    ----------
    usual
        The traffic that it has learnt from, which is taken to be good: its latest 500,000 flows.
    """

    usual: Traffic

    @classmethod
    def of(cls, model: Model, usual: Traffic) -> NetworkModel:
        """A model of flows, with the traffic that it has learnt from."""
        flows = usual.flows
        last = flows if flows.n_flows <= MOST_KEPT else flows.take(flows.start.argsort()[-MOST_KEPT:])
        made = cls(
            recipe=model.recipe, kind="network", facts=model.facts, preparation=model.preparation,
            detector=model.detector, reasons=model.reasons, threshold=model.threshold, notes=model.notes,
        )  # fmt: skip
        made.usual = Traffic(last, usual.dns)
        return made

    def score_source(self, source: Source, *, progress: Progress = silent, native: Any = None) -> Any:
        """What hosts do in traffic, against what they did in that learnt: a `NetworkResult`.

        Rows of a table that hold the same columns are judged as a table.
        """
        if not isinstance(source, FlowRows):
            return super().score_source(source, progress=progress, native=native)

        def judge(rows: Source, learnt_from: Source | None, recipe: Recipe, told: Progress) -> Result:
            found: Result = super(NetworkModel, self).score_source(rows, progress=told)
            return found

        usual = FlowRows.of(self.usual, self.facts.name)
        return detect_network(source, self.recipe, judge, progress, usual)

    def _promising(self, **wishes: Any) -> Model:
        return NetworkModel.of(super()._promising(**wishes), self.usual)
