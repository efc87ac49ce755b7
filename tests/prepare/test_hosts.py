"""Columns of network addresses stand beside the features, whoever wrote them."""

from __future__ import annotations

import numpy as np

from amiss.core.frame import Frame
from amiss.core.schema import Schema
from amiss.prepare.roles import Wishes, infer_schema
from amiss.summaries.table import TableSummary


def schema_of(columns: dict[str, object], wishes: Wishes | None = None) -> Schema:
    return infer_schema(TableSummary.of(Frame.of(columns), capacity=1000), wishes or Wishes())


def flows(n: int = 200) -> dict[str, object]:
    random = np.random.default_rng(0)
    return {
        "src": [f"10.0.0.{k}" for k in random.integers(1, 9, n)],
        "dst": [f"2001:db8::{k:x}" for k in random.integers(1, 9, n)],
        "bytes": random.normal(size=n),
    }


def test_addresses_are_left_out_and_said_to_be() -> None:
    schema = schema_of(flows())
    assert schema.named("number", "category") == ["bytes"]
    assert "network addresses" in next(c.note for c in schema.columns if c.name == "src")


def test_they_are_ranked_where_that_is_asked_for() -> None:
    assert schema_of(flows(), Wishes(roles={"src": "category"})).named("category") == ["src"]


def test_a_device_called_by_its_address_is_still_an_entity() -> None:
    n = 100
    columns = {
        "time": np.repeat(np.arange(n) * 60.0 + 1.7e9, 2),
        "device": ["10.0.0.1", "10.0.0.2"] * n,
        "load": np.random.default_rng(0).normal(size=2 * n),
    }
    assert schema_of(columns).first("entity") == "device"


def test_addresses_written_as_numbers_are_known_by_their_two_names() -> None:
    random = np.random.default_rng(0)
    pair = {
        "Src_IP": random.integers(0, 99, 200),
        "Dst_IP": random.integers(0, 99, 200),
        "size": random.normal(size=200),
    }
    assert schema_of(pair).named("number") == ["size"]
    assert schema_of({"Src_IP": pair["Src_IP"], "size": pair["size"]}).named("number") == ["Src_IP", "size"]


def test_words_that_are_no_addresses_stay_categories() -> None:
    words = ["10.0.0.1", "web", "mail", "10.0.0.2"] * 50
    assert schema_of({"host": words, "size": np.random.default_rng(0).normal(size=200)}).named("category") == ["host"]
