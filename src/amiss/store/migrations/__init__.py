"""How a store of an older version becomes one of this version."""

from __future__ import annotations
