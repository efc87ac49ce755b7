"""Data made by the project itself: seeded, with planted faults of named kinds."""

from __future__ import annotations

from amiss.datasets.network import Network, Planted, make_network
from amiss.datasets.plant import Fault, Plant, make_plant

__all__ = ["Fault", "Network", "Plant", "Planted", "make_network", "make_plant"]
