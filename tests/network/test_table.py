"""Flows to a table and back."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.core.errors import SchemaError
from amiss.core.frame import Frame
from amiss.network.capture import traffic_of
from amiss.network.flows import STATES, TCP, Flows
from amiss.network.table import COLUMNS, flows_of_table, table_of_flows
from tests.network.corpus import corpus


@pytest.mark.parametrize("which", range(4))
def test_there_and_back_is_the_same(which):
    flows = traffic_of([corpus()[which]]).flows
    table = table_of_flows(flows)
    assert table.names == [*COLUMNS, *flows.statistic_names]
    again = flows_of_table(table)
    whole = ("src_port", "dst_port", "protocol", "vlan", "state", "flags_out", "flags_in", "service", "name")
    counts = ("packets_out", "packets_in", "bytes_out", "bytes_in", "payload_out", "payload_in")
    for name in ("duration", *whole, *counts):
        np.testing.assert_array_equal(getattr(again, name), getattr(flows, name), err_msg=name)
    np.testing.assert_allclose(again.start, flows.start, atol=1e-6)
    np.testing.assert_array_equal(again.statistics, flows.statistics)
    for end in ("src", "dst"):
        words = [[one.hosts.words[k] for k in getattr(one, end)] for one in (again, flows)]
        assert words[0] == words[1]


def test_what_is_not_known_is_missing_and_stays_so():
    flows = Flows.of(["a"], ["b"], label=["odd"])
    table = table_of_flows(flows)
    assert all(
        table.missing(name).all()
        for name in COLUMNS
        if name not in ("src_ip", "dst_ip", "src_port", "dst_port", "vlan")
    )
    again = flows_of_table(table)
    assert again.label == ("odd",)
    assert (again.protocol[0], again.flags_out[0], STATES[again.state[0]]) == (-1, -1, "")
    assert np.isnan(again.bytes_out[0])


def test_no_flows_make_a_table_of_no_rows():
    assert table_of_flows(Flows.of([], [])).n_rows == 0


def test_a_table_of_others_is_read_as_far_as_it_goes():
    frame = Frame.of({"src_ip": ["a", "b"], "dst_ip": ["b", None], "protocol": ["TCP", "x"], "src_port": [1, None],
                      "state": ["SF", "odd"], "extra": [1.5, 2.5], "remark": ["x", "y"]})  # fmt: skip
    flows = flows_of_table(frame)
    assert flows.protocol.tolist() == [TCP, -1]
    assert flows.src_port.tolist() == [1, -1]
    assert [STATES[k] for k in flows.state] == ["SF", ""]
    assert flows.statistic_names == ("extra",)
    assert flows.hosts.words == ["a", "b", ""]
    with pytest.raises(SchemaError, match="no column 'src_ip'"):
        flows_of_table(Frame.of({"dst_ip": ["a"]}))
