"""What is kept for years: events, alarms, deliveries, silences, labels, versions of models, scored history."""

from __future__ import annotations

from amiss.store.store import Store

__all__ = ["Store"]
