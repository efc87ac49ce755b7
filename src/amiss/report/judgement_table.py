"""A model against labels, on the terminal and as a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amiss.evaluate.decisions import RowJudgement
from amiss.report.columns import Column, print_columns

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["judgement_record", "print_judgement"]

_TITLES = {
    "f1": "F1", "precision": "precision", "recall": "recall", "false_alarm_rate": "false alarms a normal row",
    "mcc": "MCC", "balanced_accuracy": "balanced accuracy", "accuracy": "accuracy", "auc_roc": "AUC-ROC",
    "auc_pr": "AUC-PR", "brier": "Brier score of the probabilities",
}  # fmt: skip


def print_judgement(console: Console, name: str, judged: RowJudgement, asked: str) -> None:
    """Print figures with their intervals, recall at other false-alarm rates, and recall by kind."""
    from rich.markup import escape

    console.print(f"[bold]{escape(name)}[/]  {judged.n_rows:,} labelled rows, {judged.n_anomalies:,} anomalies")
    console.print(f"  decided by the model's promise: false alarms at most {escape(asked)}", highlight=False)
    if judged.confusion is not None:
        found, missed, false, quiet = judged.confusion
        console.print(
            f"  found {found:,}, missed {missed:,}; false alarms {false:,} among {false + quiet:,} normal rows",
            highlight=False,
        )
    for note in judged.notes:
        console.print(f"  note: {escape(note)}", highlight=False)
    console.print()
    rows = [[title, str(judged.figures[key])] for key, title in _TITLES.items() if key in judged.figures]
    print_columns(console, [Column("figure"), Column("with its interval", True)], rows)
    rates = [[f"{at.asked:.1%}", str(at.recall), str(at.reached)] for at in judged.rates if at.cut is not None]
    if rates:
        console.print()
        columns = [Column("false alarms asked for"), Column("recall", True), Column("reached", True)]
        print_columns(console, columns, rates)
    if judged.kinds:
        console.print()
        kinds = [[k.kind, f"{k.n_rows:,}", str(k.recall), "never learnt" if k.seen is False else ""]
                 for k in judged.kinds]  # fmt: skip
        print_columns(console, [Column("kind"), Column("rows", True), Column("found", True), Column("", drop=1)], kinds)


def judgement_record(judged: RowJudgement) -> dict[str, Any]:
    """Everything as plain values; what is not defined is None."""
    figures = {name: [_plain(f.value), _plain(f.low), _plain(f.high)] for name, f in judged.figures.items()}
    rates = [
        {"asked": at.asked, "recall": _plain(at.recall.value), "reached": _plain(at.reached.value)}
        for at in judged.rates
        if at.cut is not None
    ]
    kinds = [
        {"kind": k.kind, "n_rows": k.n_rows, "n_found": k.n_found, "recall": _plain(k.recall.value), "seen": k.seen}
        for k in judged.kinds
    ]
    return {
        "n_rows": judged.n_rows, "n_anomalies": judged.n_anomalies, "confusion": judged.confusion, "figures": figures,
        "rates": rates, "kinds": kinds, "notes": list(judged.notes),
    }  # fmt: skip


def _plain(value: float) -> float | None:
    return None if value != value else round(value, 6)
