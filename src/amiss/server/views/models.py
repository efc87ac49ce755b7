"""Versions of models: which decides, which runs beside it, and why."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from amiss.store.records import ModelRecord
from amiss.store.store import Store

__all__ = ["models_view"]


def models_view(store: Store) -> dict[str, Any]:
    """All models, each with its versions, the newest first."""
    by_name = groupby(store.models(), key=lambda record: record.name)
    return {"items": [_model(name, list(versions)) for name, versions in by_name]}


def _model(name: str, versions: list[ModelRecord]) -> dict[str, Any]:
    challenger = next((v for v in reversed(versions) if v.state == "challenger"), None)
    trial = None
    if challenger is not None:
        trial = {
            "challenger": challenger.number, "since": challenger.created, "n_labels": 0, "champion_auc": None,
            "challenger_auc": None, "decision": challenger.note,
        }  # fmt: skip
    shown = [
        {"number": v.number, "created": v.created, "state": v.state, "note": v.note, "digest": v.digest}
        for v in reversed(versions)
    ]
    return {"name": name, "versions": shown, "trial": trial}
