"""The promise on events is kept from both sides: neither a storm nor silence where nothing is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.thresholds.peaks import PeakThreshold, peak_scale

LAWS = {
    "exponential": lambda random, n: random.exponential(size=n),
    "half of a normal": lambda random, n: np.abs(random.normal(size=n)),
    "maxima of smoothed noise": lambda random, n: random.normal(size=(n, 30)).max(axis=1),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n_peaks", [12, 40, 200])
@pytest.mark.parametrize("asked", [1, 5])
def test_about_as_many_clean_peaks_are_events_as_were_asked_for(law, n_peaks, asked):
    found = []
    for seed in range(150):
        logs = LAWS[law](np.random.default_rng(seed), n_peaks)
        location, scale = peak_scale(logs)
        scores = (logs - location) / scale
        threshold = PeakThreshold(asked / n_peaks, asked="so many").calibrate(scores)
        found.append(int(threshold.is_anomaly(scores).sum()))
    assert 0.5 * asked <= np.mean(found) <= 2 * asked
