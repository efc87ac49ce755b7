"""What all pages have in common: one file, its styles, its data and its scripts, and nothing from elsewhere."""

from __future__ import annotations

import html
import json
import os
import platform
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, TypeVar

import numpy as np

from amiss import __version__
from amiss.io.files.sink import check_ending, replaced

__all__ = ["filled", "framed", "notes_html", "tiles", "versions", "write_page"]

Told = TypeVar("Told")


def write_page(path: str | os.PathLike[str], html: Callable[[Told], str], told: Told) -> None:
    """Write the page that `html` makes of `told` to `path`, whole or not at all; made once the name is found good.

    Raises
    ------
    ParameterError
        `path` does not end as a page does.
    ConnectorError
        It cannot be written to.
    """
    check_ending(path, (".html", ".htm"))
    page = html(told)
    with replaced(path) as aside:
        aside.write_text(page, encoding="utf-8")


def framed(
    body: str,
    data: Any,
    scripts: Sequence[str],
    *,
    title: str,
    name: str,
    lead: str,
    styles: Sequence[str] = ("page.css",),
) -> str:
    """The whole page: `body` is markup, `title`, `name` and `lead` are text, `data` is what the scripts draw."""
    return filled(
        "frame.html",
        title=html.escape(title),
        name=html.escape(name),
        lead=html.escape(lead),
        body=body.rstrip(),
        css="".join(filled(style) for style in styles),
        js="".join(filled(script) for script in scripts),
        # "<" could end the script element; JSON has another way to write it.
        data=json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028"),
    )


def filled(part: str, **texts: str) -> str:
    """A part of a page, with what stands in its places; without any it is as it is."""
    whole = (files("amiss.report") / part).read_text(encoding="utf-8")
    if not texts:
        return whole
    pieces = whole.split("{{")
    page = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        page += [texts[name], rest]
    return "".join(page)


def notes_html(notes: Sequence[str]) -> str:
    """A paragraph for each note."""
    return "".join(f'<p class="note">{html.escape(note)}</p>' for note in notes)


def tiles(told: Sequence[tuple[str, str]]) -> str:
    """A tile for each figure and what it says."""
    return "".join(
        f'<div class="tile"><b>{html.escape(value)}</b><span>{html.escape(label)}</span></div>' for value, label in told
    )


def versions() -> str:
    """What made the page."""
    return f"amiss {__version__}, Python {platform.python_version()}, NumPy {np.__version__}"
