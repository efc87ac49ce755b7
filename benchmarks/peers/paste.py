"""Puts what a script has measured where the documentation shows it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["paste"]


def paste(path: Path, name: str, text: str) -> None:
    """Replace what stands between the comments `begin NAME` and `end NAME`; ValueError if there are none."""
    begin, end = f"<!-- begin {name} -->\n", f"\n<!-- end {name} -->"
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path} has no place called {name!r}; write the two lines {begin!r} and {end!r} into it")
    path.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")
