"""Delimited text: CSV and its kin."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

from amiss.core.errors import DataError
from amiss.core.foreign import column_names
from amiss.core.frame import Frame
from amiss.core.source import ChangedMindError
from amiss.io.files.blocks import Blocks, decoder, recognise_encoding

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DelimitedText"]

_LONGEST_HEADER = 20
_LONGEST_ROW = 1000
"""Lines that one row may span; an unclosed quote swallows more."""
_NULLS = ["", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None", "#N/A", "?"]
_DELIMITERS = ",;\t|"
_MOST_RAGGED = 0.2


def _is_utf8(start: bytes) -> bool:
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(start) - 3  # a character cut by the end of the look
    return True


class DelimitedText:
    """CSV and its kin: delimiter, header, quotes, encoding and types are recognised.

    Parameters
    ----------
    reopen
        Gives a fresh binary stream of the (decompressed) text.
    notes
        Takes a sentence for everything that had to be mended.
    """

    def __init__(self, reopen: Callable[[], IO[bytes]], notes: list[str]) -> None:
        self._reopen, self._notes = reopen, notes
        with reopen() as stream:
            start = stream.read(1 << 20)
        if not start.strip():
            raise DataError("the file is empty", mend="give a table with a header and rows")
        self._encoding, self._mark = recognise_encoding(start)
        if self._encoding == "utf-8" and not _is_utf8(start):
            self._read_as_windows()
        self._old_mac = b"\n" not in start and b"\r" in start
        self._quoted = True
        self._schema: dict[str, pl.DataType] | None = None
        text = decoder(self._encoding)(start[self._mark :])
        text = text.replace(b"\r", b"\n") if self._old_mac else text
        whole = len(start) < 1 << 20
        self._look(text if whole else text[: text.rfind(b"\n") + 1] or text)

    def _read_as_windows(self) -> None:
        self._encoding = "cp1252"
        self._note("the text is not UTF-8; read as Windows-1252")

    def _look(self, text: bytes) -> None:
        """Delimiter and header from the first lines."""
        if len(text) >= 1 << 20 and b"\n" not in text:
            self._find_line_end()
        sample = text[: 1 << 18].decode("utf-8", "replace")
        lines = [line for line in sample.split("\n")[:100] if line.strip()]
        self.delimiter = _sniff_delimiter(lines)
        first, self._header_lines = _first_row(text.decode("utf-8", "replace").lstrip("\r\n"), self.delimiter)
        self._has_header = _is_header(first, lines, self.delimiter)
        if self._has_header:
            self.names, notes = column_names(first)
            self._notes += notes
        else:
            self.names = [f"column_{i + 1}" for i in range(len(first))]
            self._notes.append("the first line holds values, not names; columns are called column_1, column_2 …")

    def _find_line_end(self) -> None:
        with self._reopen() as stream:
            next(iter(Blocks(stream, self._encoding, quoted=False)), None)

    def batches(self) -> Iterator[Frame]:
        """All rows.

        Raises
        ------
        ChangedMindError
            Types have been widened; begin again.
        """
        n_rows, n_ragged, n_short, first = 0, 0, 0, True
        with self._reopen() as stream:
            stream.read(self._mark)
            for block in Blocks(stream, self._encoding, quoted=self._quoted, n_columns=len(self.names)):
                clean = self._clean(block)
                if first and self._has_header:
                    clean = self._without_header(clean)
                first = False
                if not clean.strip():
                    continue
                table, ragged = self._parse(clean)
                n_ragged += ragged
                if table[:, -1].null_count():
                    n_short += _short_lines(clean, self.delimiter, len(self.names))
                yield Frame(table, n_rows)
                n_rows += table.height
        if not n_rows:
            raise DataError(
                "the file has a header but no rows",
                where=f"columns: {', '.join(self.names[:20])}",
                mend="give rows below the header",
            )
        if n_short:
            self._note(f"{n_short:,} lines have fewer fields than columns; the last ones were read as missing")
        if n_ragged:
            self._note(f"{n_ragged:,} lines have more fields than columns; the extra fields were dropped")
        if n_ragged > _MOST_RAGGED * n_rows:
            raise DataError(
                f"{n_ragged:,} of {n_rows:,} lines have more fields than the first one",
                where=f"delimiter {self.delimiter!r}, {len(self.names)} columns",
                mend="check the header and the delimiter; quote fields that hold the delimiter",
            )

    def _note(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)

    def _clean(self, block: bytes) -> bytes:
        if self._old_mac:
            block = block.replace(b"\r", b"\n")
        if b"\x00" in block:
            raise DataError(
                "the file holds NUL bytes",
                where=f"near {block[max(0, block.index(0) - 40) : block.index(0)].decode('utf-8', 'replace')!r}",
                mend="remove them: tr -d '\\000' < FILE > CLEAN",
            )
        if b"\n\n" in block or b"\n\r\n" in block or block[:1] in b"\r\n":
            block = re.sub(rb"\n(?:[ \t]*\r?\n)+", b"\n", block).lstrip(b"\r\n")
        return block

    def _without_header(self, block: bytes) -> bytes:
        end = 0
        for _ in range(self._header_lines):
            end = block.find(b"\n", end) + 1
        return block[end:]

    def _parse(self, block: bytes) -> tuple[pl.DataFrame, int]:
        import polars as pl

        if self._quoted and _quotes_are_odd(block, self.delimiter):
            block = self._requoted(block)
        if self._schema is None:
            self._schema = self._infer(block)
        try:
            return self._read(block, self._schema), 0
        except pl.exceptions.PolarsError as error:
            reason = str(error)
        if "utf-8" in reason:
            self._read_as_windows()
            raise ChangedMindError
        if "more fields" in reason or "not specified in schema" in reason:
            return self._parse_ragged(block)
        if "could not parse" in reason:
            self._widen(block)
        if self._quoted:
            self._unquote()
        raise DataError("the text cannot be read as a table", where=reason.splitlines()[0])

    def _requoted(self, block: bytes) -> bytes:
        """The block with quotes as they should be: polars may never come back from any that are not."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self.delimiter, lineterminator="\n")
        reader = csv.reader(io.StringIO(block.decode("utf-8", "replace"), newline=""), delimiter=self.delimiter)
        before = span = 0
        try:
            for row in reader:
                span, before = reader.line_num - before, reader.line_num
                if span > _LONGEST_ROW:
                    self._unquote()
                if row:
                    writer.writerow(row)
        except csv.Error:
            self._unquote()
        if span > 1 and block.count(b'"') % 2:
            self._unquote()  # the last row has swallowed all that followed an open quote
        self._note("some quotes do not match up; they were read as well as could be")
        return out.getvalue().encode()

    def _unquote(self) -> None:
        self._quoted = False
        self._note("quotes do not match up; they were read as plain characters")
        raise ChangedMindError

    def _parse_ragged(self, block: bytes) -> tuple[pl.DataFrame, int]:
        import polars as pl

        assert self._schema is not None
        rows = _split(block.decode("utf-8", "replace").splitlines(keepends=True), self.delimiter)
        ragged = sum(len(row) > len(self.names) for row in rows)
        try:
            table = self._read(block, self._schema, truncate_ragged_lines=True, extra_columns="ignore")
            return table, ragged
        except pl.exceptions.PolarsError:
            self._widen(block)
            raise

    def _widen(self, block: bytes) -> None:
        """Take up the types that this block needs, and begin again."""
        import polars as pl

        assert self._schema is not None
        wider = dict(self._schema)
        for name, dtype in self._infer(block).items():
            if dtype != wider[name]:
                numeric = dtype.is_numeric() and wider[name].is_numeric()
                wider[name] = pl.Float64() if numeric else pl.String()
        if wider == self._schema and all(dtype == pl.String for dtype in wider.values()):
            raise DataError("the text cannot be read as a table", mend="export it again as CSV or Parquet")
        if wider == self._schema:
            # The reader and its inference disagree about a value: text holds anything.
            wider = dict.fromkeys(wider, pl.String())
        self._schema = wider
        raise ChangedMindError

    def _infer(self, block: bytes) -> dict[str, pl.DataType]:
        import polars as pl

        try:
            table = self._read(block, None, infer_schema_length=None, truncate_ragged_lines=True)
        except pl.exceptions.PolarsError as error:
            if "utf-8" in str(error):
                self._read_as_windows()
                raise ChangedMindError from None
            return dict.fromkeys(self.names, pl.String())
        found = list(table.schema.values())[: len(self.names)]
        found += [pl.String()] * (len(self.names) - len(found))
        return dict(zip(self.names, found, strict=True))

    def _read(self, block: bytes, schema: dict[str, pl.DataType] | None, **options: Any) -> pl.DataFrame:
        import polars as pl

        return pl.read_csv(
            block,
            has_header=False,
            schema=schema,
            separator=self.delimiter,
            quote_char='"' if self._quoted else None,
            null_values=_NULLS,
            missing_columns="insert" if schema else None,
            **options,
        )


def _quotes_are_odd(block: bytes, delimiter: str) -> bool:
    """Whether a quote stands anywhere but around a field, or doubled inside one that has them around it."""
    if b'"' not in block:
        return False
    cut = re.escape(delimiter.encode())
    whole = rb"(?:(?<=[\n" + cut + rb'])|\A)"[^"]*(?:""[^"]*)*"(?=' + cut + rb"|\r?\n|\Z)"
    return b'"' in re.sub(whole, b"", block)


def _short_lines(block: bytes, delimiter: str, n_columns: int) -> int:
    """Lines with too few fields; told only where no quote could hide a delimiter."""
    if b'"' in block or n_columns == 1:
        return 0
    cut = delimiter.encode()
    return sum(line.count(cut) < n_columns - 1 for line in block.split(b"\n") if line.strip())


def _first_row(text: str, delimiter: str) -> tuple[list[str], int]:
    """Fields of the first row, and the number of lines that it spans."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        row = next(reader, [""])
        if reader.line_num <= _LONGEST_HEADER:
            return row, reader.line_num
    except csv.Error:
        pass
    return text.partition("\n")[0].rstrip("\r").split(delimiter), 1


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    """Fields of each row; where quotes defeat the reader, those of each line."""
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def _sniff_delimiter(lines: list[str]) -> str:
    """The candidate that cuts most lines into the same number of fields, the more the better."""
    best, most = ",", 0.0
    for candidate in _DELIMITERS:
        counts = [len(fields) for fields in _split(lines, candidate) if fields]
        usual = max(set(counts), key=counts.count) if counts else 1
        if usual > 1:
            rank = counts.count(usual) / len(counts) + 1e-3 * usual
            if rank > most:
                best, most = candidate, rank
    return best


def _is_header(first: list[str], lines: list[str], delimiter: str) -> bool:
    """Names are no numbers; and where the rest is text too, they do not come again below."""
    if any(_is_number(field) for field in first):
        return False
    if len(set(first)) < len(first) and any(field.strip() for field in first):
        rows = _split(lines[1:], delimiter)
        return any(_is_number(field) for row in rows[:20] for field in row)
    return True


def _is_number(field: str) -> bool:
    try:
        float(field.strip().replace(",", "."))
    except ValueError:
        return False
    return field.strip().lower() not in ("nan", "inf", "infinity")
