"""Tables that a spreadsheet may open: no cell of text is taken for a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amiss.core.frame import Frame

if TYPE_CHECKING:
    import polars as pl

__all__ = ["harmless_table"]

_FORMULA = "^[=+\\-@\t\r\n]"
_NUMBER = "^[+-]?[0-9][0-9.,]*([eE][+-]?[0-9]+)?$"


def harmless_table(table: pl.DataFrame) -> pl.DataFrame:
    """A table with a quote before each cell of text, and each name of a column, that begins as a formula does.

    Text that is a number stays one. Lists, records and bytes become text, and durations seconds.

    Examples
    --------
    >>> import polars as pl
    >>> from amiss.server.sets.cells import harmless_table
    >>> table = pl.DataFrame({"note": ["=1+1", "-7", "fine"], "flow": [-1.5, 2.0, 3.0]})
    >>> harmless_table(table).to_dict(as_series=False)
    {'note': ["'=1+1", '-7', 'fine'], 'flow': [-1.5, 2.0, 3.0]}
    """
    import polars as pl

    frame, columns = Frame(table), []
    for column in table.get_columns():
        kind = frame.kind(column.name)
        if column.dtype == pl.Duration:
            columns.append(pl.Series(column.name, frame.numbers(column.name)))
        elif kind in ("text", "nested"):
            text = frame.text(column.name)
            odd = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
            columns.append(("'" + text).zip_with(odd.fill_null(False), text).alias(column.name))
        else:
            columns.append(column)
    made = pl.DataFrame(columns)
    odd_names = pl.Series(made.columns).str.contains(_FORMULA).to_list()
    made.columns = [f"'{name}" if odd else name for name, odd in zip(made.columns, odd_names, strict=True)]
    return made
