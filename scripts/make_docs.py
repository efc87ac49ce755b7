"""Writes docs/reference from the code: commands, detectors, errors, JSON schemas. `--check` only compares."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from amiss.cli.main import app
from amiss.core import errors
from amiss.core.catalog import detector_class, detector_names
from amiss.evaluate.findings import drift_schema
from amiss.pipeline.recipe import recipe_schema
from amiss.report.record import record_schema

FOLDER = Path(__file__).parent.parent / "docs" / "reference"


def commands() -> str:
    """The help of every verb, as it is printed."""
    parts = ["# Commands\n\nWhat `amiss VERB --help` prints.\n"]
    for words in ([], *([command.name] for command in app.registered_commands)):
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


def detectors() -> str:
    """A page of all detectors, from their docstrings."""
    parts = ["# Detectors\n\nBy the name that a recipe and `--detector` use. The default is `ensemble`.\n"]
    for name in detector_names():
        kind = detector_class(name)
        can = kind.capabilities
        facts = [
            "missing values as they are" if can.missing else "missing values filled before",
            "reasons that sum to the " + ("log2 of the score" if can.additive_target == "log2" else "score")
            if can.additive
            else "reasons"
            if can.reasons
            else "no reasons",
            "merges exactly" if can.exact_merge else "learns from a uniform sample",
        ]
        text = inspect.cleandoc(kind.__doc__ or "")
        parts.append(f"## `{name}`\n\n*{'; '.join(facts)}*\n\n```\n{text}\n```\n")
    return "\n".join(parts)


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
        "errors.md": error_page(),
        "detect.schema.json": json.dumps(record_schema(), indent=2) + "\n",
        "drift.schema.json": json.dumps(drift_schema(), indent=2) + "\n",
        "recipe.schema.json": json.dumps(recipe_schema(), indent=2) + "\n",
    }


def main() -> int:
    """Write the pages, or with --check name those that are out of date."""
    stale = []
    FOLDER.mkdir(parents=True, exist_ok=True)
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
