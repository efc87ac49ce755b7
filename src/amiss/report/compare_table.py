"""A comparison on the terminal: a line for each detector, the best first, and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from amiss.evaluate.comparison import Comparison, Selected
from amiss.evaluate.courses import SERIES_FIGURES
from amiss.evaluate.draws import Figure
from amiss.report.columns import Column, print_columns

if TYPE_CHECKING:
    from rich.console import Console

    from amiss.evaluate.candidate import Candidate

__all__ = ["SHOWN", "comparison_records", "print_comparison", "split_words"]

SHOWN = (("f1", "F1"), ("precision", "precision"), ("recall", "recall"), ("false_alarm_rate", "false alarms"),
          ("auc_roc", "AUC-ROC"), ("auc_pr", "AUC-PR"))  # fmt: skip
"""Figures of a line, and their titles."""
_NAMED = 8
_KEPT = 6
"""Columns that go after all others where there is no room."""
_SPLITS = {
    "stratified": "{n} folds, identical rows together", "forward": "{n} times forward in time",
    "official": "the test set that was given",
}  # fmt: skip


def print_comparison(console: Console, told: Comparison) -> None:
    """Print what was compared, a line for each detector with its intervals, those that failed, and the verdict."""
    from rich.markup import escape

    console.print(
        f"[bold]{escape(told.name)}[/]  label {escape(told.label)}: {told.n_anomalies:,} anomalies among "
        f"{told.n_rows:,} rows judged; {split_words(told)}"
    )
    console.print(f"  cut for {told.rate:.3g} false alarms a normal row, from held-out normal rows", highlight=False)
    for found in told.findings:
        style = "[bold]" if found.severity == "strong" else ""
        console.print(f"  {style}{found.severity}: {escape(str(found))}", highlight=False)
        console.print(f"    mend: {escape(found.mend)}", highlight=False)
    if told.selection is not None:
        console.print(f"  {escape(_chosen(told.selection))}", highlight=False)
    for note in told.notes:
        console.print(f"  note: {escape(note)}", highlight=False)
    console.print()
    judged = [c for c in told.candidates if c.judged is not None]
    columns = [Column("detector"), Column("learns from", drop=4)]
    columns += [Column(title, True, 0 if name in ("f1", told.measure) else k + 1)
                for k, (name, title) in enumerate(SHOWN)]  # fmt: skip
    there = [name for name in SERIES_FIGURES if any(c.judged is not None and name in c.judged.figures for c in judged)]
    columns += [Column(SERIES_FIGURES[name], True, _KEPT) for name in there]
    columns += [Column("fit, CPU s", True, 5)]
    print_columns(console, columns, [_line(c, there) for c in judged])
    for candidate in judged:
        if candidate.tuned:
            console.print(f"  {escape(_tuned(candidate))}", highlight=False)
    _print_kinds(console, told)
    for candidate in told.candidates:
        if candidate.judged is None:
            console.print(f"  not judged: {escape(candidate.name)}: {escape(candidate.failure)}", highlight=False)
    console.print()
    for sentence in (*told.weak_points, *_probabilities(told)):
        console.print(f"  {escape(sentence)}", highlight=False)
    console.print(f"[bold]{escape(str(told))}[/]", highlight=False)


def split_words(told: Comparison) -> str:
    """How rows were parted into those learnt from and those judged."""
    return _SPLITS[told.split].format(n=told.n_splits)


def comparison_records(told: Comparison) -> list[dict[str, Any]]:
    """One record for each detector: its figures, the ends of their intervals, costs, or why it is not judged."""
    records = []
    for candidate in told.candidates:
        record: dict[str, Any] = {
            "detector": candidate.detector, "tuned": candidate.tuned, "learns_from": candidate.learns_from,
        }  # fmt: skip
        if candidate.judged is not None:
            for name, figure in candidate.judged.figures.items():
                record |= {name: _plain(figure.value), f"{name}_low": _plain(figure.low),
                           f"{name}_high": _plain(figure.high)}  # fmt: skip
            for at in candidate.judged.rates:
                record |= {f"recall_at_{at.asked:g}": _plain(at.recall.value),
                           f"reached_at_{at.asked:g}": _plain(at.reached.value)}  # fmt: skip
            record |= {f"recall_of_{kind.kind}": _plain(kind.recall.value) for kind in candidate.judged.kinds}
            record |= {"fit_seconds": candidate.fit_seconds, "score_seconds_per_1000_rows": candidate.score_seconds,
                       "peak_bytes": _plain(candidate.peak_bytes)}  # fmt: skip
        records.append(record | {"failure": candidate.failure})
    return records


def _chosen(selection: Selected) -> str:
    """The columns chosen, in one sentence."""
    named = [f"{name} ({n})" for name, n in list(selection.columns.items())[:_NAMED]]
    more = f" and {len(selection.columns) - _NAMED} more" if len(selection.columns) > _NAMED else ""
    alike = "" if selection.stability is None else f"; stability {selection.stability.value:.2f} (1 is always the same)"
    return f"columns by {selection.method}, in how many of {selection.n_splits} splits: {', '.join(named)}{more}{alike}"


def _tuned(candidate: Candidate) -> str:
    """What tuning chose most often, and in how many of the splits."""
    settings = [", ".join(f"{name} = {value}" for name, value in params.items()) for params in candidate.params]
    most, n = Counter(settings).most_common(1)[0]
    return f"{candidate.name}: {most or 'the defaults'} in {n} of {len(settings)} splits"


def _probabilities(told: Comparison) -> list[str]:
    """What the probabilities of the best are worth, where it gives some."""
    best = next((c.judged for c in told.candidates if c.judged is not None), None)
    if best is None or "brier" not in best.figures:
        return []
    share = best.n_anomalies / best.n_rows
    own = f" ({best.figures['own_brier']} before calibration)" if "own_brier" in best.figures else ""
    return [f"Brier score of its probabilities {best.figures['brier']}{own}; the share of anomalies said of every row "
            f"has {share * (1 - share):.2g}"]  # fmt: skip


def _line(candidate: Candidate, more: Sequence[str]) -> list[str]:
    assert candidate.judged is not None
    figures = candidate.judged.figures
    return [candidate.name, candidate.learns_from, *(str(figures[name]) for name, _ in SHOWN),
            *(_told(figures[name]) for name in more), f"{candidate.fit_seconds:.3g}"]  # fmt: skip


def _told(figure: Figure) -> str:
    """With its interval where it has one."""
    said = str(figure)
    return said.partition(" ")[0] if figure.low != figure.low else said


def _print_kinds(console: Console, told: Comparison) -> None:
    """Recall of each kind by the best, and where another finds more of it."""
    judged = [c for c in told.candidates if c.judged is not None and c.judged.kinds]
    if not judged:
        return
    console.print()
    rows = []
    best = judged[0]
    assert best.judged is not None
    for k, kind in enumerate(best.judged.kinds):
        most = max(judged, key=lambda c, k=k: c.judged.kinds[k].recall.value if c.judged else 0.0)  # type: ignore[misc]
        assert most.judged is not None
        better = most.judged.kinds[k].recall.value > kind.recall.value
        rows.append([
            kind.kind, f"{kind.n_rows:,}", str(kind.recall), "never learnt" if kind.seen is False else "",
            f"{most.name} {most.judged.kinds[k].recall.value:.2f}" if better else "",
        ])  # fmt: skip
    columns = [Column("kind"), Column("rows", True, 2), Column(f"found by {best.name}", True)]
    columns += [Column("", drop=1), Column("more by", drop=3)]
    print_columns(console, columns, rows)


def _plain(value: float) -> float | None:
    return None if value != value else round(value, 6)
