"""A network of our own making: an office's traffic with planted behaviours, as flows and as a capture."""

from __future__ import annotations

from amiss.datasets.network.make import KINDS, Network, Planted, make_network

__all__ = ["KINDS", "Network", "Planted", "make_network"]
