"""The store of a watch, for verbs that look into it: found, never made; and how what lies in it is printed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amiss.cli.options import Form
from amiss.cli.show import terminal
from amiss.cli.streams import as_json_text
from amiss.core.errors import ParameterError, StoreError

if TYPE_CHECKING:
    from amiss.store.store import Store

__all__ = ["StateFolder", "StorePlace", "opened", "pattern_fits", "print_records", "user_name", "utc_minute"]

StateFolder = Annotated[
    Path | None, typer.Option("--state", metavar="DIR", help="Folder of the watch, as amiss watch --state has it.")
]
StorePlace = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="The store itself: a path, or postgresql://...")
]

_FILE = "amiss.db"


@contextmanager
def opened(state: Path | None, store: str | None) -> Iterator[Store]:
    """The store of a watch.

    Raises
    ------
    ParameterError
        Nothing says which one.
    StoreError
        There is none, or it cannot be opened.
    """
    from amiss.store import Store

    if store is None and state is None:
        raise ParameterError("nothing says which store", mend="give --state DIR or --store URL, as for amiss watch")
    place: Any = store if store is not None else Path(str(state)) / _FILE
    # A store is made where there is none: a slip of the pen must not find "no events".
    path = _path_of(place)
    if path is not None and not path.exists():
        raise StoreError(
            "there is no store", where=str(path), mend="name the folder, or the store, that amiss watch was given"
        )
    with Store.open(place) as found:
        yield found


def _path_of(place: Path | str) -> Path | None:
    """The file of a store; None where it is none."""
    text = str(place)
    if text.startswith("sqlite:///"):
        return Path(text.removeprefix("sqlite:///")).expanduser()
    return None if "://" in text else Path(text).expanduser()


def user_name(given: str | None) -> str:
    """Who does it: the name given, or that of the user of this machine."""
    import getpass

    if given is not None:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def pattern_fits(word: str | None, pattern: str | None) -> bool:
    """Whether a word fits a pattern of the shell; no pattern fits all."""
    from fnmatch import fnmatchcase

    return pattern is None or fnmatchcase(word or "", pattern)


def utc_minute(seconds: float | None) -> str:
    """A moment as a table shows it, to the second, in UTC; "" for none."""
    from amiss.stream.moments import utc_words

    return "" if seconds is None else utc_words(float(int(seconds))).removesuffix("Z").replace("T", " ")


def print_records(
    records: Sequence[dict[str, Any]], form: Form, columns: Sequence[tuple[str, Sequence[str]]], nothing: str
) -> None:
    """Print records as a table of `columns` (name, a cell for each record), or as JSON.

    Raises
    ------
    ParameterError
        There is no such form of them.
    """
    import msgspec

    if form is Form.csv:
        raise ParameterError("there is no form csv of these", mend="give --format table, json or ndjson")
    if form is Form.json:
        text = msgspec.json.format(msgspec.json.encode(list(records)), indent=2)
        sys.stdout.write(as_json_text(text.decode()) + "\n")
    elif form is Form.ndjson:
        sys.stdout.writelines(as_json_text(msgspec.json.encode(record).decode()) + "\n" for record in records)
    elif not records:
        typer.echo(nothing)
    else:
        _print_table(columns)
    sys.stdout.flush()


def _print_table(columns: Sequence[tuple[str, Sequence[str]]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from amiss.core.written import readable

    # What is empty in every line tells nothing.
    shown = [(name, cells) for name, cells in columns if any(cells)]
    table = Table(box=None, pad_edge=False)
    for k, (name, _) in enumerate(shown):
        table.add_column(name, overflow="fold", no_wrap=k == 0, header_style="bold")
    for row in zip(*(cells for _, cells in shown), strict=True):
        table.add_row(*(Text(readable(cell)) for cell in row))
    terminal().print(table)
