"""`amiss doctor`: what this installation has, and what it lacks."""

from __future__ import annotations

from typing import Annotated, Any

import typer

__all__ = ["doctor"]

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "polars", "narwhals", "msgspec", "typer", "rich", "cffi", "joblib")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what this installation has: Python, libraries, compiled kernels, extras, disk.

    \b
    Examples:
      amiss doctor
      amiss doctor --json
    """
    found = _examine()
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
        return
    for name, value in found.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        typer.echo(f"{name:<10} {text}")


def _examine() -> dict[str, Any]:
    import importlib.util
    import os
    import platform
    import shutil
    import tempfile
    from importlib.metadata import PackageNotFoundError, version

    from amiss import __version__
    from amiss.core.catalog import detector_names
    from amiss.core.extras import EXTRAS
    from amiss.kernels import loops

    libraries = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = version(name)
        except PackageNotFoundError:
            libraries[name] = "missing"
    extras = {
        extra: "installed" if importlib.util.find_spec(module) else f"absent (pip install 'amiss[{extra}]')"
        for extra, module in EXTRAS.items()
    }
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    return {
        "amiss": __version__,
        "python": f"{platform.python_version()} ({platform.machine()}, {platform.system()})",
        "kernels": "compiled" if loops.compiled() else f"NumPy twins, slower: {loops.why_not()}",
        "dashboard": _dashboard(),
        "processors": len(os.sched_getaffinity(0)),
        "libraries": libraries,
        "extras": extras,
        "detectors": ", ".join(detector_names()),
        "for series": ", ".join(detector_names("series")),
        "by labels": ", ".join(detector_names("labels")),
        "neural": ", ".join(detector_names("deep")),
        "disk": f"{free / 1e9:.1f} GB free in {folder}",
    }


def _dashboard() -> str:
    from amiss.server.assets import assets

    return "built" if assets() else "not built: install from the sources where Node and npm are"
