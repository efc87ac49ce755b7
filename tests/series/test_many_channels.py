"""Several channels together: what stands before the first row."""

from __future__ import annotations

import numpy as np

from amiss.series import SeriesEnsemble


def test_the_first_rows_of_many_channels_are_no_event():
    # Copies of the first row, in place of rows before it, would hold its noise several times.
    random = np.random.default_rng(0)
    X = random.normal(size=(900, 200)) + random.normal(size=(900, 2)) @ random.normal(size=(2, 200))
    scores = SeriesEnsemble().fit(X).anomaly_score(X)
    assert scores[:3].max() < 1.5 * scores[3:].max()
