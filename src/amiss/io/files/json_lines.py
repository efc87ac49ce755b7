"""JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

from amiss.core.errors import DataError
from amiss.core.frame import Frame
from amiss.core.source import ChangedMindError
from amiss.io.files.blocks import Blocks, recognise_encoding

if TYPE_CHECKING:
    import polars as pl

__all__ = ["JsonLines"]


class JsonLines:
    """One JSON object a line, in UTF-8 or UTF-16; fields that are objects become columns `outer.inner`."""

    def __init__(self, reopen: Callable[[], IO[bytes]], notes: list[str]) -> None:
        self._reopen, self._notes = reopen, notes
        self._columns: dict[str, pl.DataType] = {}

    def batches(self) -> Iterator[Frame]:
        """All rows.

        Raises
        ------
        ChangedMindError
            A later line brought another field or type; begin again.
        """
        n_rows = 0
        with self._reopen() as stream:
            encoding, mark = recognise_encoding(stream.read(4096))
        with self._reopen() as stream:
            stream.read(mark)
            for number, block in enumerate(Blocks(stream, encoding, quoted=False)):
                table = self._parse(block, n_rows)
                if not number and not self._columns:
                    self._columns = dict(table.schema)
                table = self._fit(table)
                yield Frame(table, n_rows)
                n_rows += table.height
        if not n_rows:
            raise DataError("the file is empty", mend="give one JSON object a line")

    def _parse(self, block: bytes, n_rows: int) -> pl.DataFrame:
        import polars as pl

        try:
            table = pl.read_ndjson(block, infer_schema_length=None)
        except pl.exceptions.PolarsError:
            table = _slowly(block, n_rows)
        while nested := [n for n, dtype in table.schema.items() if isinstance(dtype, pl.Struct)]:
            for name in nested:
                fields = table[name].struct.unnest()
                fields = fields.rename({inner: f"{name}.{inner}" for inner in fields.columns})
                place = table.columns.index(name)
                columns = table.get_columns()
                table = pl.DataFrame([*columns[:place], *fields.get_columns(), *columns[place + 1 :]])
        return table

    def _fit(self, table: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        wider = dict(self._columns)
        for name, dtype in table.schema.items():
            known = wider.setdefault(name, dtype)
            if dtype in (known, pl.Null):
                continue
            both_numbers = dtype.is_numeric() and known.is_numeric()
            wider[name] = dtype if known == pl.Null else pl.Float64() if both_numbers else pl.String()
        if wider != self._columns:
            self._columns = wider
            raise ChangedMindError
        empty = [pl.lit(None, dtype=t).alias(n) for n, t in wider.items() if n not in table.columns]
        casts = [pl.col(n).cast(t, strict=False) for n, t in wider.items() if n in table.columns]
        return table.select([*casts, *empty]).select(list(wider))


def _slowly(block: bytes, n_rows: int) -> pl.DataFrame:
    """Read line by line, so that the error can name the line; values of mixed types become text."""
    rows = []
    for number, line in enumerate(block.splitlines(), start=n_rows + 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"this line is no JSON: {error}",
                where=f"line {number}: {line[:80].decode('utf-8', 'replace')!r}",
                mend="mend or remove the line",
            ) from error
        if not isinstance(row, dict):
            raise DataError(
                "this line is no JSON object",
                where=f"line {number}",
                mend='give one object a line: {"name": value}',
            )
        rows.append({k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in row.items()})
    names = dict.fromkeys(name for row in rows for name in row)
    return Frame.of({name: [row.get(name) for row in rows] for name in names}).table
