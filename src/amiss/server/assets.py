"""The built files of the dashboard: its script and its style, under names that change with what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

__all__ = ["STATIC", "assets"]

STATIC = Path(__file__).parent / "static"


def assets() -> dict[str, str]:
    """Addresses of the script ("js") and the style ("css"); empty where the dashboard was not built."""
    try:
        made: Any = msgspec.json.decode((STATIC / "manifest.json").read_bytes())
        return {kind: f"/static/{made[kind]}" for kind in ("js", "css")}
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return {}
