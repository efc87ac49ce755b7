"""A promise in words: what was asked, what it rests on, and how much hangs on that."""

from __future__ import annotations

from amiss.core.threshold import Promise

__all__ = ["promise_lines", "promise_words", "series_promise_lines"]


def promise_words(promise: Promise) -> str:
    """The promise in one line."""
    if promise.share_of == "peaks":
        return f"false alarms at most {promise.asked}, by the {promise.n_calibration:,} separate peaks of the score"
    if promise.share_of == "steps":
        return f"false alarms at most {promise.asked}, counted as rows come"
    text = f"false alarms at most {promise.asked}, reached by {promise.reached:.2%} of {promise.n_calibration:,} rows"
    if promise.dirt:
        text += f"; {_percent(promise.dirt)} of the rows look like anomalies and were left out"
    return text


def promise_lines(promise: Promise) -> list[str]:
    """What there is to know about the promise beside the rate reached, one sentence each."""
    lines = []
    if promise.dirt:
        lines.append(
            f"{_percent(promise.dirt)} of the rows learnt from look like anomalies and were left out of the "
            f"calibration; if they are normal, the rate reached is {_percent(promise.if_normal)} "
            f"and not {_percent(promise.reached)}"
        )
    if promise.model_based:
        lines.append("so few false alarms rest on a modelled tail (generalised Pareto), not on counting rows")
    if promise.n_effective < 0.9 * promise.n_calibration:
        lines.append(
            f"rows that follow one another resemble one another: the {promise.n_calibration:,} rows are worth about "
            f"{promise.n_effective:,} independent ones"
        )
    return lines


def series_promise_lines(promise: Promise, n_events: int) -> list[str]:
    """What there is to know about a promise on events."""
    if promise.share_of == "steps":
        return [
            f"Asked: false alarms at most {promise.asked}, counted as rows come. Found: {n_events:,} "
            f"event{'' if n_events == 1 else 's'}.",
            "The height that raises an alarm follows from the peaks before, and from the alarms raised so far.",
        ]
    of = "of the alarms" if promise.share_of == "alarms" else "false alarms"
    return [
        f"Asked: {of} at most {promise.asked}. Found: {n_events:,} event{'' if n_events == 1 else 's'}.",
        f"The score of the history has {promise.n_calibration:,} separate peaks; {promise.reached:.2%} of them are as "
        "high as an event, anomalies among them included.",
        "How their upper half falls off is fitted, on a logarithmic scale: so few false alarms rest on that model, not "
        "on counting.",
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
