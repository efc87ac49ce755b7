"""Heavy libraries are imported only where their name says so, and never when a module is loaded."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent / "src" / "amiss"
ALLOWED = {
    "polars": (
        "core/foreign.py", "core/frame.py", "core/written.py", "io/files/", "io/logs/", "io/sql/", "network/table.py",
        "network/context.py", "pipeline/result.py", "pipeline/network_result.py", "pipeline/flow_rows.py",
        "stream/readings.py", "server/sets/", "cli/",
    ),
    "sklearn": (
        "core/errors.py", "core/estimator.py", "detectors/", "supervised/", "evaluate/", "prepare/worth.py", "testing/",
        "thresholds/chances.py",
    ),
    "scipy": ("detectors/", "thresholds/", "evaluate/", "summaries/", "series/"),
    "pandas": (),
    "pyarrow": (),
    "fastexcel": ("io/files/source.py",),
    "lightgbm": (),
    # Asked for by name where it is used, in deep/ alone: see `require`.
    "torch": (),
    "narwhals": ("core/foreign.py", "pipeline/result.py"),
    "rich": ("cli/", "stream/live_view.py",
             "report/columns.py", "report/terminal.py", "report/drift_table.py", "report/backtest_table.py",
             "report/compare_table.py", "report/tune_table.py", "report/benchmark_table.py",
             "report/judgement_table.py", "report/network_table.py"),
    "sqlalchemy": ("store/", "io/sql/"),
    "alembic": ("store/",),
    "duckdb": ("io/sql/",),
    "psycopg": ("io/sql/",),
    "paho": ("io/mqtt/", "io/alarms/"),
    "confluent_kafka": ("io/kafka/",),
    "psutil": ("io/host/",),
    "apprise": ("io/alarms/",),
    # What listens to the network stands in these rooms alone.
    "starlette": ("io/http/", "stream/", "server/"),
    "uvicorn": ("io/http/", "stream/", "server/"),
    "fastapi": ("server/",),
    "jinja2": ("server/",),
    "pydantic": ("server/",),
    "prometheus_client": ("stream/metrics.py",),
    "cffi": ("kernels/build_loops.py",),
}  # fmt: skip
AT_TOP = {
    ("kernels/build_loops.py", "cffi"), ("testing/detectors.py", "sklearn"),
    # Tables are objects of the library; these files are loaded when a store is opened, and by nothing else.
    ("store/tables.py", "sqlalchemy"), ("store/migrations/", "sqlalchemy"), ("store/migrations/", "alembic"),
    # Routes name types of the web framework, which reads them from the module; loaded by `amiss serve` alone.
    ("server/", "fastapi"), ("server/", "starlette"), ("server/", "pydantic"), ("server/pages.py", "jinja2"),
    ("server/running.py", "uvicorn"),
}  # fmt: skip


def imports(tree: ast.Module) -> list[tuple[str, int, bool]]:
    """Library, line, and whether it is imported when the module is loaded."""
    found = []
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        found += [(name.partition(".")[0], node.lineno, id(node) not in inside) for name in names]
    return found


def main() -> int:
    """Print each import in the wrong place; the number of them."""
    wrong = []
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        for library, line, at_top in imports(ast.parse(path.read_text(encoding="utf-8"))):
            if library not in ALLOWED:
                continue
            if not any(place.startswith(folder) for folder in ALLOWED[library]):
                wrong.append(f"{place}:{line}: {library} has no business here")
            elif at_top and not any(place.startswith(where) and library == name for where, name in AT_TOP):
                wrong.append(f"{place}:{line}: {library} must be imported where it is used")
    print("\n".join(wrong) or "imports: all in their places")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main() > 0)
