"""Why a flow is unlike the others, in words of networks."""

from __future__ import annotations

from collections.abc import Sequence

from amiss.core.finding import Explanation
from amiss.network.flows import Flows

__all__ = ["flow_reason"]

_TOLD = 0.2
"""Share of the blame from which on a feature is worth a word."""
_MOST_TOLD = 3
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_PHRASES = {
    "service used before": "hardly anybody was answered by such a service before",
    "source answered before": "its source was hardly ever answered before",
    "pair answered before": "the two have hardly met before",
    "source failures": "its source fails more often than not",
    "target failures": "its target is tried in vain more often than not",
    "mute targets": "its source has tried several hosts without an answer",
    "mute ports": "its source has tried several ports without an answer",
    "source rate": "its source makes very many flows a minute",
    "target rate": "its target is called very many times a minute",
}


def flow_reason(flows: Flows, row: int, explanation: Explanation) -> str:
    """One sentence for the flow at `row`, by what its explanation blames.

    Parameters
    ----------
    explanation
        Of the features of `amiss.network.context.flow_features`.
    """
    blamed = [c.column for c in explanation.contributions if c.share >= _TOLD] or [
        c.column for c in explanation.contributions[:1]
    ]
    said = [_phrase(flows, row, column) for column in blamed[:_MOST_TOLD]]
    return _joined([word for word in said if word]) or explanation.reason


def _phrase(flows: Flows, row: int, column: str) -> str:
    if column in _PHRASES:
        return _PHRASES[column]
    if column == "way":
        return "traffic of this sort is rare here"
    if column == "long":
        return f"it lasted {_span(float(flows.duration[row]))}"
    sizes = {"sent": flows.payload_out, "received": flows.payload_in}
    how, _, what = column.partition(" ")
    if what not in sizes:
        return ""
    more = ", more than any flow of its source before" if how == "most" else ""
    return f"it {what} {_size(float(sizes[what][row]))}{more}"


def _size(n_bytes: float) -> str:
    for unit, name in _SIZES:
        if n_bytes >= unit:
            return f"{n_bytes / unit:.3g} {name}"
    return f"{n_bytes:.0f} bytes"


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h" if seconds >= 3600 else f"{seconds / 60:.3g} min"


def _joined(words: Sequence[str]) -> str:
    return ", and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
