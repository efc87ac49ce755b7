"""Tables for terminals of any width: less important columns go before a word of the others is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amiss.core.written import readable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = ["Column", "print_columns"]

_GAP = 2
_NARROWEST = 50
"""Characters that a sentence beside the columns needs; with fewer it stands below them."""
_INDENT = 4


@dataclass(frozen=True, slots=True)
class Column:
    """A column of short words.

    Attributes
    ----------
    name
        Its heading.
    right
        Whether it is set flush right, as numbers are.
    drop
        When it goes where there is no room: 1 first, then 2; 0 never.
    """

    name: str
    right: bool = False
    drop: int = 0


def print_columns(
    console: Console,
    columns: Sequence[Column],
    rows: Sequence[Sequence[str | Text]],
    *,
    sentence: str = "",
    styles: Sequence[str] = (),
) -> None:
    """Print rows of words below the headings of their columns.

    Parameters
    ----------
    rows
        The words of each row; with a `sentence`, one more than there are columns.
    sentence
        Heading of the last word of each row, which may be long: it stands at the end of the row, and below it on a
        narrow terminal.
    styles
        Style of each row; none by default.
    """
    widths = [_width(column, [row[j] for row in rows]) for j, column in enumerate(columns)]
    below = bool(sentence) and console.width - sum(widths) - _GAP * len(widths) < _NARROWEST
    room = console.width if below or not sentence else sum(widths) + _GAP * len(widths)
    kept = _kept(columns, widths, room)
    chosen = [*kept, len(columns)] if sentence and not below else kept
    headings = [*columns, Column(sentence)]
    if not below:
        _print_table(console, [headings[j] for j in chosen], [[row[j] for j in chosen] for row in rows], styles)
        return
    padded = [columns[j] for j in kept]
    inner = [min(widths[j], console.width) for j in kept]
    _print_line(console, padded, inner, [column.name for column in padded], "bold")
    for i, row in enumerate(rows):
        style = styles[i] if styles else ""
        _print_line(console, padded, inner, [row[j] for j in kept], style)
        _print_below(console, row[-1], style)


def _width(column: Column, words: Sequence[str | Text]) -> int:
    from rich.cells import cell_len

    return max(cell_len(readable(str(word))) for word in (column.name, *words))


def _text(word: str | Text) -> Text:
    from rich.text import Text

    return Text(readable(word)) if isinstance(word, str) else word


def _kept(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Places of the columns that fit into `room`."""
    kept = list(range(len(columns)))
    for j in sorted((j for j in kept if columns[j].drop), key=lambda j: (columns[j].drop, -j)):
        if sum(widths[i] + _GAP for i in kept) - _GAP <= room:
            break
        kept.remove(j)
    return kept


def _print_table(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str | Text]], styles: Sequence[str]
) -> None:
    table = _empty_table()
    for column in columns:
        table.add_column(_text(column.name), justify="right" if column.right else "left", overflow="fold")
    for i, row in enumerate(rows):
        table.add_row(*map(_text, row), style=styles[i] if styles else "")
    console.print(table)


def _empty_table() -> Table:
    from rich.table import Table

    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))


def _print_line(
    console: Console, columns: Sequence[Column], widths: Sequence[int], words: Sequence[str | Text], style: str
) -> None:
    from rich.text import Text

    parts = []
    for column, width, word in zip(columns, widths, map(_text, words), strict=True):
        part = word.copy()
        part.align("right" if column.right else "left", max(width, part.cell_len))
        parts.append(part)
    line = Text(" " * _GAP, style=style, overflow="fold").join(parts)
    line.style = style
    line.rstrip()
    console.print(line)


def _print_below(console: Console, sentence: str | Text, style: str) -> None:
    from rich.padding import Padding

    text = _text(sentence).copy()
    text.style, text.overflow = style, "fold"
    console.print(Padding(text, (0, 0, 0, _INDENT), expand=False))
