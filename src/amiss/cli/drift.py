"""`amiss drift`: are the rows of one file like those of another?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.show import progress_bar, terminal
from amiss.cli.streams import as_json_text
from amiss.core.errors import ConnectorError, ParameterError

if TYPE_CHECKING:
    from amiss.evaluate.findings import Drift

__all__ = ["drift"]

_CELLS = (
    "column", "kind", "severity", "p_corrected", "psi", "wasserstein", "wasserstein_standardised", "missing_a",
    "missing_b", "median_a", "median_b", "unseen_share", "rows_worth_a", "rows_worth_b", "sentence",
)  # fmt: skip


def drift(
    a: Annotated[str, typer.Argument(metavar="A", help="The reference: what a model has learnt from, or last month.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What is compared with it; - is standard input.")],
    ignore: options.Ignore = None,
    time: options.Time = None,
    entity: options.Entity = None,
    form: options.Format = Form.table,
    alpha: Annotated[
        str,
        typer.Option("--alpha", metavar="P", help="Chance of calling anything drift where nothing has changed."),
    ] = "5%",
    fail_on_drift: Annotated[
        bool, typer.Option("--fail-on-drift", help="End with exit code 1 if B has drifted.")
    ] = False,
    seed: options.Seed = None,
) -> None:
    """Compare two tables, column by column and all columns together, and say whether B is like A.

    A column has drifted if a test says that it is no chance, after correction over all tests, and the change is large
    enough to matter.

    \b
    Examples:
      amiss drift pump.csv new.csv
      amiss drift pump.csv new.csv --ignore note --format json
      cat new.csv | amiss drift pump.csv - --fail-on-drift
    """
    from amiss.evaluate.drift import drift as compare

    with progress_bar() as progress:
        found = compare(
            a,
            b,
            ignore=tuple(ignore or ()),
            time=time,
            entity=entity,
            alpha=_share(alpha),
            seed=seed or 0,
            progress=progress,
        )
    _print(found, form)
    if fail_on_drift and found.found:
        raise typer.Exit(1)


def _share(text: str) -> float:
    """0.05 of "5%" or "0.05"."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ParameterError(f"alpha {text!r} is no share", mend="give a share such as 5% or 0.05") from None


def _print(found: Drift, form: Form) -> None:
    if sys.stdout is None:
        raise ConnectorError("standard output is closed", mend="send it somewhere, or to /dev/null")
    if form is Form.table:
        from amiss.report.drift_table import print_drift

        print_drift(terminal(), found)
    elif form is Form.csv:
        import polars as pl

        lines = [{name: getattr(column, name) for name in _CELLS} for column in found.columns]
        sys.stdout.write(pl.DataFrame(lines, infer_schema_length=None).write_csv())
    else:
        import msgspec

        if form is Form.ndjson:
            for column in found.columns:
                sys.stdout.write(as_json_text(msgspec.json.encode(column).decode()) + "\n")
        else:
            whole = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
            sys.stdout.write(as_json_text(whole) + "\n")
    sys.stdout.flush()
