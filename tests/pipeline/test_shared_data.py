"""Real tables, where they are at hand: sound results and reports of bounded size."""

from __future__ import annotations

import numpy as np
import pytest

import amiss
from amiss.report.page import report_html

TABLES = (
    "network/cicids2017/cic_0.01km.csv.gz",
    "network/iotid20/IoT_2020_b_0.01_fs.csv.gz",
    "network/nsl-kdd/KDDTest+.txt.gz",
    "timeseries/multivariate/SKAB__other_1.parquet",
    "timeseries/multivariate/TEP__fault07.parquet",
)


@pytest.mark.parametrize("name", TABLES)
def test_real_tables(shared_data, name):
    result = amiss.detect(shared_data / name)
    assert np.isfinite(result.scores).all()
    if result.kind == "table":
        assert 0 < result.n_anomalies <= 0.01 * len(result)
    assert len(result.events) <= (0.01 * len(result) if result.kind == "table" else 5)
    assert len(report_html(result).encode()) < (500_000 if result.kind == "table" else 2_000_000)
