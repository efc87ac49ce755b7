"""How often the 95 % intervals of `judge_rows` hold the true figure, over many draws of rows.

Run: python benchmarks/accuracy/coverage.py [draws]     (prints a table in Markdown)

Normal rows score as N(0, 1), anomalies, one row in 20, as N(shift, 1); a row is flagged above 1.5. A shift of 1 is a
poor ranking (AUC-ROC .76, AUC-PR .19), one of 3 a good one (.98, .79).
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.stats import norm

from amiss.evaluate.decisions import judge_rows
from amiss.evaluate.measures import decided

SHARE, CUT = 0.05, 1.5


def truth_of(shift):
    """The figures of endless rows."""
    grid = np.linspace(-6, 12, 40_001)
    found, false = norm.sf(grid - shift), norm.sf(grid)
    told = decided(np.array([norm.sf(CUT - shift)]), np.array([norm.sf(CUT)]), SHARE)
    precision = SHARE * found / (SHARE * found + (1 - SHARE) * false)
    return {name: float(value[0]) for name, value in told.items()} | {
        "auc_roc": float(norm.cdf(shift / np.sqrt(2))),
        "auc_pr": float(np.trapezoid(norm.pdf(grid - shift) * precision, grid)),
    }


def main() -> None:
    n_draws = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    cases = [(n, shift) for n in (8, 30, 200) for shift in (1.0, 3.0)]
    inside = {}
    for n_anomalies, shift in cases:
        truth, n = truth_of(shift), round(n_anomalies / SHARE)
        hits = dict.fromkeys(truth, 0)
        for seed in range(n_draws):
            labels = np.arange(n) < n_anomalies
            scores = np.random.default_rng(seed).normal(size=n) + shift * labels
            figures = judge_rows(labels, scores, flags=scores > CUT, seed=seed).figures
            for name, value in truth.items():
                hits[name] += figures[name].low <= value <= figures[name].high
        inside[n_anomalies, shift] = {name: n_hits / n_draws for name, n_hits in hits.items()}
    print(f"{n_draws} draws each; the error of a share is about {np.sqrt(0.95 * 0.05 / n_draws):.3f}\n")
    heads = [f"{n}, {'poor' if shift == 1 else 'good'}" for n, shift in cases]
    print("| anomalies, ranking | " + " | ".join(heads) + " |\n" + "| --- " * (len(cases) + 1) + "|")
    for name in truth_of(1.0):
        print(f"| `{name}` | " + " | ".join(f"{inside[case][name]:.3f}".lstrip("0") for case in cases) + " |")


if __name__ == "__main__":
    main()
