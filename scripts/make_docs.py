"""Writes docs/reference from the code: commands, detectors, errors, JSON schemas. `--check` only compares."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from amiss.cli.main import app
from amiss.core import errors
from amiss.core.catalog import detector_class, detector_names
from amiss.evaluate.findings import drift_schema
from amiss.pipeline.recipe import recipe_schema
from amiss.report.network_record import network_record_schema
from amiss.report.record import record_schema
from amiss.stream.config import config_schema

FOLDER = Path(__file__).parent.parent / "docs" / "reference"


def commands() -> str:
    """The help of every verb, as it is printed."""
    parts = ["# Commands\n\nWhat `amiss VERB --help` prints.\n"]
    verbs = [[str(command.name)] for command in app.registered_commands]
    groups = [group.typer_instance for group in app.registered_groups if group.typer_instance]
    for group in groups:
        name = str(group.info.name)
        verbs += [[name], *([name, str(command.name)] for command in group.registered_commands)]
    for words in ([], *verbs):
        done = subprocess.run(
            [sys.executable, "-m", "amiss", *words, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"},
        )
        text = done.stdout.replace("python -m amiss", "amiss").strip()
        text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
        parts.append(f"## amiss {' '.join(words)}".rstrip() + f"\n\n```\n{text}\n```\n")
    return "\n".join(parts)


SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)


def facts(kind: type[Any]) -> str:
    """What a detector can do, in a line."""
    can = kind.capabilities
    reasons = "log2 of the score" if can.additive_target == "log2" else "score"
    said = [
        "missing values are data to it" if can.missing else "missing values are filled before",
        f"reasons that sum to the {reasons}" if can.additive else "reasons" if can.reasons else "no reasons of its own",
        "learns from labels" if can.labels else "merges exactly" if can.exact_merge else "learns from a uniform sample",
    ]
    return "; ".join(said)


def items(text: str) -> str:
    """A numpydoc list as Markdown."""
    out = []
    for part in re.split(r"\n(?=\S)", text.strip()):
        name, _, body = part.partition("\n")
        out.append(f"* `{name.strip()}`: {' '.join(body.split())}")
    return "\n".join(out)


def detector_page(name: str) -> str:
    """The page of one detector, from its docstring."""
    kind = detector_class(name)
    parts = SECTION.split(inspect.cleandoc(kind.__doc__ or ""))
    place = kind.__module__.split(".")[1]
    page = [f"# `{name}`\n", f"`amiss.{place}.{kind.__name__}`: {facts(kind)}.\n", parts[0].strip() + "\n"]
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        if title == "Examples":
            shown = f"```pycon\n{text.strip()}\n```"
        elif title == "References":
            shown = "\n".join(
                f"* {' '.join(line.split())}" for line in re.split(r"(?<=\.)\n(?=[A-ZÅØÉ])", text.strip())
            )
        else:
            shown = items(text)
        page.append(f"## {title}\n\n{shown}\n")
    defaults = ", ".join(f"{k}={v!r}" for k, v in kind().get_params().items())
    command = "fit FILE --label COLUMN -o MODEL" if kind.capabilities.labels else "detect FILE"
    page.append(f"## In a recipe\n\n```sh\namiss {command} --detector {name}\n```\n")
    page.append(f"Defaults: `{defaults or 'none'}`.\n")
    return "\n".join(page)


_FAMILIES = (
    ("table", "For rows of any order"),
    ("series", "For rows that follow one another in time"),
    ("labels", "For rows with labels"),
    ("deep", "Neural networks, for rows or for series: the extra `deep`"),
)


def detectors() -> str:
    """The list of all detectors, one line each."""
    lines = ["# Detectors\n", "By the name that a recipe and `--detector` use. The default is `ensemble`. Which one"]
    lines += ["fits what is told in [Which detector?](../which-detector.md).\n"]
    for kind, title in _FAMILIES:
        lines += [f"## {title}\n", "| name | what it measures | notes |", "| --- | --- | --- |"]
        for name in detector_names(kind):
            detector = detector_class(name)
            first = inspect.cleandoc(detector.__doc__ or "").split("\n\n")[0]
            lines.append(f"| [`{name}`](detectors/{name}.md) | {' '.join(first.split())} | {facts(detector)} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def error_page() -> str:
    """All errors with their exit codes."""
    lines = ["# Errors\n", "Each says what happened, where, and how to mend it.\n"]
    lines += ["| error | exit code | when |", "| --- | --- | --- |"]
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type):
            lines.append(f"| `{name}` | {kind.exit_code} | {(kind.__doc__ or '').splitlines()[0]} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Every generated file by name."""
    return {
        "commands.md": commands(),
        "detectors.md": detectors(),
        **{f"detectors/{name}.md": detector_page(name) for kind, _ in _FAMILIES for name in detector_names(kind)},
        "errors.md": error_page(),
        "detect.schema.json": json.dumps(record_schema(), indent=2) + "\n",
        "drift.schema.json": json.dumps(drift_schema(), indent=2) + "\n",
        "network.schema.json": json.dumps(network_record_schema(), indent=2) + "\n",
        "recipe.schema.json": json.dumps(recipe_schema(), indent=2) + "\n",
        "watch.schema.json": json.dumps(config_schema(), indent=2) + "\n",
    }


def main() -> int:
    """Write the pages, or with --check name those that are out of date."""
    stale = []
    (FOLDER / "detectors").mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    print(f"out of date: {', '.join(stale)}" if stale else "docs/reference is up to date")
    return bool(stale) and "--check" in sys.argv


if __name__ == "__main__":
    sys.exit(main())
