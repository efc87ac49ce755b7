"""A benchmark on the terminal: a line for each detector, its mean and rank over data sets, and who is told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amiss.evaluate.benchmark import Benchmark
from amiss.report.columns import Column, print_columns

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["benchmark_records", "print_benchmark"]


def print_benchmark(console: Console, told: Benchmark) -> None:
    """Print detectors by data sets, mean ranks, the tests, and what could not be judged."""
    from rich.markup import escape

    console.print(f"[bold]{told.measure}[/] of {len(told.detectors)} detectors on {len(told.sets)} data sets")
    console.print()
    rank = {} if told.ranked is None else dict(zip(told.ranked.names, told.ranked.mean_ranks.tolist(), strict=True))
    columns = [Column("detector"), Column("mean", True), Column("mean rank", True)]
    columns += [Column(escape(name), True, k + 1) for k, name in enumerate(told.sets)]
    lines = [
        [
            name, f"{told.table[:, j].mean():.3f}", f"{rank[name]:.2f}" if name in rank else "",
            *(f"{value:.3f}" for value in told.table[:, j]),
        ]
        for j, name in enumerate(told.detectors)
    ]  # fmt: skip
    print_columns(console, columns, lines)
    console.print()
    if told.ranked is not None:
        console.print(
            f"  Friedman's test that all are alike: p = {told.ranked.friedman.p_value:.2g}; mean ranks that differ by "
            f"less than {told.ranked.critical_difference:.2f} are not told apart (Nemenyi, 5 %)", highlight=False,
        )  # fmt: skip
        for group in told.ranked.groups:
            console.print(f"    alike: {', '.join(group)}", highlight=False)
        for note in told.ranked.notes:
            console.print(f"  note: {note}", highlight=False)
    for name, why in told.failures.items():
        console.print(f"  not judged: {escape(name)}: {escape(why)}", highlight=False)
    console.print(f"[bold]{escape(str(told))}[/]", highlight=False)


def benchmark_records(told: Benchmark) -> list[dict[str, Any]]:
    """One record for each data set: the figure of each detector."""
    return [
        {"data_set": name, **{d: round(float(v), 6) for d, v in zip(told.detectors, told.table[k], strict=True)}}
        for k, name in enumerate(told.sets)
    ]
