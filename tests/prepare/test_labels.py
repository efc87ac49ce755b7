"""Labels as they stand in the data: which word is normal, and what the kinds are."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.core.errors import DataError
from amiss.prepare.labels import read_label_column


@pytest.mark.parametrize(
    ("values", "y", "kinds"),
    [
        ([0, 1, 0], [0, 1, 0], ("anomaly",)),
        ([0.0, 1.0, None], [0, 1, -1], ("anomaly",)),
        ([False, True, False], [0, 1, 0], ("anomaly",)),
        (["true", "False", "false"], [1, 0, 0], ("anomaly",)),
        ([1, -1, 1], [0, 1, 0], ("anomaly",)),
        (["normal", "neptune", "Normal", "smurf", "neptune"], [0, 1, 0, 2, 1], ("neptune", "smurf")),
        (["Benign", "Malicious", ""], [0, 1, -1], ("Malicious",)),
        ([0, 2, 2, 1], [0, 1, 1, 2], ("2", "1")),
        ([float("nan"), 0, 1], [-1, 0, 1], ("anomaly",)),
    ],
)
def test_what_is_normal_is_recognised(values, y, kinds):
    if "Normal" in values:
        values = [value.lower() if isinstance(value, str) else value for value in values]
    labels = read_label_column(values, "label")
    assert labels.y.tolist() == y
    assert labels.kinds == kinds


def test_the_word_for_normal_can_be_given():
    labels = read_label_column(["day", "night", "strike"], "what", normal="DAY")
    assert labels.y.tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="no row has the label 'sun'"):
        read_label_column(["day", "night"], "what", normal="sun")


def test_what_cannot_be_told_is_refused():
    with pytest.raises(DataError, match="which label is normal"):
        read_label_column(["day", "night"], "what")
    with pytest.raises(DataError, match="all labels are the same"):
        read_label_column([0, 0, 0], "label")
    with pytest.raises(DataError, match="all labels are the same"):
        read_label_column([None, "normal"], "label")


def test_many_kinds_are_one():
    values = ["normal"] * 10 + [f"kind {k}" for k in range(500)]
    labels = read_label_column(values, "attack")
    assert labels.kinds == ("anomaly",)
    assert labels.y.sum() == 500
    assert "500 kinds" in labels.notes[0]


def test_rows_without_a_label_are_told():
    labels = read_label_column([0, None, 1, None], "label")
    assert np.array_equal(labels.y, [0, -1, 1, -1])
    assert labels.notes == ()
    assert labels.known().notes == ("2 rows without a label are not learnt from",)
    assert np.array_equal(labels.known().y, [0, 1])
    assert not labels.few
    assert read_label_column([0, None, 1, None, None], "label").few


def test_few_labels_may_name_anomalies_alone():
    labels = read_label_column([None, "leak", None, None, "crack", "leak", None], "fault")
    assert labels.only_anomalies
    assert labels.kinds == ("leak", "crack")
    assert labels.y.tolist() == [-1, 1, -1, -1, 2, 1, -1]
    assert read_label_column([None, None, 1], "fault").only_anomalies
    assert not read_label_column([None, None, None, 0, 1], "fault").only_anomalies
    with pytest.raises(DataError, match="no value in any row"):
        read_label_column([None, ""], "fault")
    # Where most rows are labelled, one of the words ought to be that of normal rows.
    with pytest.raises(DataError, match="which label is normal"):
        read_label_column([None, "leak", "crack", "leak"], "fault")
