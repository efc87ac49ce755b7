from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.core.live import Message
from amiss.stream.decode import Decoder
from amiss.stream.moments import moments_of, utc_words

from .feeds import message


def test_flat_json_is_decoded_together_and_gives_the_same_as_one_by_one() -> None:
    rows = [{"device": f"d{i % 3}", "time": 1.7e9 + i, "a": i / 3, "b": None if i % 5 else i} for i in range(50)]
    together, single = Decoder(), Decoder()
    together.decode([message(rows[0])], 0.0)
    found = together.decode([message(row) for row in rows], 0.0)
    parts = [single.decode([message(row)], 0.0) for row in rows]
    assert found.entities == [row["device"] for row in rows]
    assert np.array_equal(
        found.matrix(["a", "b"])[0], np.vstack([p.matrix(["a", "b"])[0] for p in parts]), equal_nan=True
    )
    assert found.times.tolist() == [row["time"] for row in rows]


def test_one_bad_message_is_refused_and_the_rest_are_read() -> None:
    decoder = Decoder()
    good = [message({"time": 1.7e9 + i, "a": i}) for i in range(5)]
    decoder.decode(good, 0.0)
    found = decoder.decode([*good[:2], Message(b'{"a": ', "x"), *good[2:]], 0.0)
    assert found.n_rows == 5
    assert [(each.reason, each.topic) for each in found.refused] == [("no JSON", "x")]
    assert decoder.counts["no JSON"] == 1


def test_halves_that_are_json_only_when_joined_are_refused() -> None:
    decoder = Decoder()
    decoder.decode([message({"a": 1.0})], 0.0)
    found = decoder.decode([Message(b'{"a":1'), Message(b'"b":2}')], 0.0)
    assert found.n_rows == 0
    assert len(found.refused) == 2


def test_a_new_field_is_taken_up_once_a_message_is_read_by_itself() -> None:
    decoder = Decoder()
    decoder.decode([message({"a": 1.0})], 0.0)
    found = decoder.decode([Message(b'{"a": 1, "b": 2}\n{"a": 3, "b": 4}')], 0.0)
    assert found.columns == {"a": [1, 3], "b": [2, 4]}


def test_inner_objects_become_fields_and_lists_do_not() -> None:
    found = Decoder().decode([message({"a": {"b": {"c": 1}}, "d": [1, 2], "e": 2})], 0.0)
    assert found.columns == {"a.b.c": [1], "e": [2]}


def test_line_protocol_with_escapes_quotes_and_its_time() -> None:
    body = b'weather\\,x,site=a\\ b temp=82i,text="a b,c=1",ok=t,p=1.5 1465839830100400200\nweather temp=1'
    found = Decoder().decode([Message(body)], 5.0)
    assert found.columns["temp"] == [82.0, 1.0]
    assert found.columns["site"] == ["a b", None]
    assert found.columns["text"] == ["a b,c=1", None]
    assert found.columns["ok"] == [True, None]
    assert found.times == pytest.approx([1465839830.1004002, 5.0])


def test_csv_takes_its_names_from_the_first_line_of_each_topic() -> None:
    decoder = Decoder()
    assert decoder.decode([Message(b"time,temp,state")], 0.0).n_rows == 0
    found = decoder.decode([Message(b"1700000000,20.5,on"), Message(b"1700000001,,off"), Message(b"1,2")], 0.0)
    assert found.columns == {"temp": [20.5, None], "state": ["on", "off"]}
    assert [each.reason for each in found.refused] == ["a line of CSV with more or fewer cells than names"]


def test_bare_numbers_are_a_series_for_each_topic() -> None:
    messages = [Message(b"20.5", "plant/a", 7.0), Message(b"3e2", "plant/b", 8.0), Message(b"nan", "plant/a", 9.0)]
    found = Decoder().decode(messages, 0.0)
    assert found.entities == ["plant/a", "plant/b", "plant/a"]
    assert np.array_equal(found.matrix(["value"])[0][:, 0], [20.5, 300.0, np.nan], equal_nan=True)
    assert found.times.tolist() == [7.0, 8.0, 9.0]


def test_values_of_another_type_are_missing_and_counted() -> None:
    decoder = Decoder()
    decoder.decode([message({"a": 1.0})], 0.0)
    found = decoder.decode([message({"a": value}) for value in (1, "2.5", "warm", None, True, 1e999)], 0.0)
    x, n_odd = found.matrix(["a"])
    assert np.array_equal(x[:, 0], [1, 2.5, np.nan, np.nan, 1, np.nan], equal_nan=True)
    assert n_odd == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1_700_000_000, 1.7e9), (1_700_000_000_123, 1_700_000_000.123), (1_700_000_000_000_000, 1.7e9),
        (1_700_000_000_000_000_000, 1.7e9), ("1700000000", 1.7e9), ("2023-11-14T22:13:20Z", 1.7e9),
        ("2023-11-14 23:13:20+01:00", 1.7e9), ("2023-11-14T22:13:20", 1.7e9), ("soon", np.nan), (None, np.nan),
        (float("inf"), np.nan), (True, 1.0), ([1], np.nan),
    ],
)  # fmt: skip
def test_times_are_read_in_any_usual_form(value: object, seconds: float) -> None:
    assert moments_of([value]) == pytest.approx([seconds], nan_ok=True)


def test_a_moment_in_words_can_be_read_again() -> None:
    assert utc_words(1.7e9) == "2023-11-14T22:13:20Z"
    assert moments_of([utc_words(1_700_000_000.25)]).tolist() == [1_700_000_000.25]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_break_the_decoder(bodies: list[bytes]) -> None:
    decoder = Decoder()
    decoder.decode([message({"a": 1.0, "time": 1.7e9})], 0.0)
    found = decoder.decode([Message(body) for body in bodies], 1.0)
    assert np.isfinite(found.times).all()
    assert all(len(values) == found.n_rows for values in found.columns.values())
    found.matrix(list(decoder.fields))


def test_deep_and_wide_json_is_bounded() -> None:
    decoder = Decoder()
    deep = b"[" * 100_000 + b"]" * 100_000
    assert len(decoder.decode([Message(deep)], 0.0).refused) == 1
    decoder.decode([message({f"f{i}": i for i in range(5_000)})], 0.0)
    assert len(decoder.fields) <= 256


def test_a_state_is_taken_up() -> None:
    first, second = Decoder(), Decoder()
    first.decode([Message(b"time,temp", "t")], 0.0)
    first.decode([Message(b"1700000000,3", "t")], 0.0)
    second.restore(first.state())
    found = second.decode([Message(b"1700000001,4", "t")], 0.0)
    assert (found.columns, found.times.tolist()) == ({"temp": [4.0]}, [1_700_000_001.0])
