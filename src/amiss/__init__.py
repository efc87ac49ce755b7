"""amiss: finds what is wrong in tables, sensor histories and network traffic, and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from amiss.evaluate.backtest import backtest
    from amiss.evaluate.benchmark import Benchmark, benchmark
    from amiss.evaluate.compare import compare
    from amiss.evaluate.comparison import Comparison
    from amiss.evaluate.drift import drift
    from amiss.evaluate.findings import Drift
    from amiss.evaluate.replayed import Backtest
    from amiss.evaluate.tune import Tuning, tune
    from amiss.pipeline.api import detect, fit, load
    from amiss.pipeline.model import Model
    from amiss.pipeline.result import Result

__all__ = [
    "Backtest", "Benchmark", "Comparison", "Drift", "Model", "Result", "Tuning", "__version__",
    "backtest", "benchmark", "compare", "detect", "drift", "fit", "load", "tune",
]  # fmt: skip

_DOORS = {
    "backtest": "amiss.evaluate.backtest",
    "benchmark": "amiss.evaluate.benchmark",
    "compare": "amiss.evaluate.compare",
    "detect": "amiss.pipeline.api",
    "drift": "amiss.evaluate.drift",
    "fit": "amiss.pipeline.api",
    "load": "amiss.pipeline.api",
    "tune": "amiss.evaluate.tune",
    "Backtest": "amiss.evaluate.replayed",
    "Benchmark": "amiss.evaluate.benchmark",
    "Comparison": "amiss.evaluate.comparison",
    "Drift": "amiss.evaluate.findings",
    "Model": "amiss.pipeline.model",
    "Result": "amiss.pipeline.result",
    "Tuning": "amiss.evaluate.tune",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for, so that `import amiss` stays light."""
    if name not in _DOORS:
        raise AttributeError(f"module 'amiss' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_DOORS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
