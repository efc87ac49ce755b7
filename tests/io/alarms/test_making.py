"""Channels by name: every wrong option is named with its path, and no secret is shown."""

from __future__ import annotations

import pickle
import re
import sys
import tomllib
from pathlib import Path

import pytest

import amiss.io.alarms
from amiss.core.errors import MissingExtraError, RecipeError
from amiss.io.alarms.making import SINK_TYPES, make_sink, trial_notification
from amiss.io.alarms.secret import read_secret
from amiss.io.alarms.words import as_json, cut, key_of, seconds_of, tidy
from tests.io.alarms.receivers import hostile, news

FOLDER = Path(amiss.io.alarms.__file__).parent
HOOK = {"type": "webhook", "url": "https://example.org/hook"}


def shown(**options) -> str:
    with pytest.raises(RecipeError) as caught:
        make_sink("pager", {**HOOK, **options}, where="channel[2]")
    return str(caught.value)


def test_a_wrong_name_is_met_with_the_nearest():
    assert "did you mean 'secret'" in shown(secrit="x")
    assert "channel[2].secrit" in shown(secrit="x")
    assert "did you mean 'webhook'" in shown(type="webhok")
    assert "channel[2].type" in shown(type="webhok")
    assert "known: alertmanager" in shown(type=7)


def test_what_is_missing_or_wrong_is_named_with_its_path():
    with pytest.raises(RecipeError, match=r"option 'url' is missing\n  where: channel\.hook\.url"):
        make_sink("hook", {"type": "webhook"})
    assert "channel[2].timeout_seconds" in shown(timeout_seconds=0)
    assert "channel[2].timeout_seconds" in shown(timeout_seconds="10")
    assert "channel[2].ca_file" in shown(ca_file="/nowhere/ca.pem")


@pytest.mark.parametrize("url", [
    "ftp://x/", "file:///etc/passwd", "https://", "//host", "https://user:word@host/", "http://h/a b",
    "http://h\r\nX: y", "http://h:99999/", "http://ä/", "", 7,
])  # fmt: skip
def test_addresses_that_are_none(url):
    told = shown(url=url)
    assert "channel[2].url" in told
    assert "user:word" not in told


def test_a_secret_stands_in_no_configuration(monkeypatch, tmp_path):
    told = shown(secret="hunter2")
    assert "stands in the configuration" in told
    assert '{ env = "NAME" }' in told
    assert "hunter2" not in told
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("TWO", "hunter2\nX-Header: y")
    variables = [{"env": name} for name in ("EMPTY", "NOT_THERE", "TWO", 7)]
    others = [{"file": str(tmp_path / "no")}, {"vault": "x"}, {"env": "A", "file": "B"}, {}, 7, ["hunter2"]]
    for wrong in variables + others:
        told = shown(secret=wrong)
        assert "channel[2].secret" in told
        assert "hunter2" not in told


def test_secrets_are_read_and_never_shown(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("of a file\n", encoding="utf-8")
    monkeypatch.setenv("KEY", "of the environment")
    found = [read_secret({"file": str(tmp_path / "key")}, ""), read_secret({"env": "KEY"}, "")]
    assert [secret.reveal() for secret in found] == ["of a file", "of the environment"]
    assert f"{found} {found[0]} {found[1]!s:>4}" == "[***, ***] ***  ***"
    with pytest.raises(TypeError):
        pickle.dumps(found)


def test_an_address_with_a_token_is_shown_without_it(monkeypatch):
    monkeypatch.setenv("HOOK", "https://example.org/services/T0KEN")
    assert (
        repr(make_sink("hook", {"type": "webhook", "url": {"env": "HOOK"}}))
        == "WebhookSink('hook', https://example.org)"
    )
    monkeypatch.setenv("HOOK", "T0KEN")
    assert "T0KEN" not in shown(url={"env": "HOOK"})


def test_the_sample_names_every_option_with_its_default(monkeypatch):
    pytest.importorskip("paho.mqtt.client", reason="the extra `live` is not installed")
    text = (FOLDER / "sample.toml").read_text("utf-8")
    monkeypatch.setenv("PAGERDUTY_KEY", "x")
    channels = {channel["type"]: channel for channel in tomllib.loads(text)["channel"]}
    assert set(channels) == set(SINK_TYPES)
    whole = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.M)
    for channel in tomllib.loads(whole)["channel"]:
        kind = channel["type"]
        if kind != "apprise":
            assert make_sink(kind, channels[kind]).name == kind
        known = __import__(f"amiss.io.alarms.{kind}", fromlist=["x"]).__dict__[SINK_TYPES[kind]].options
        assert set(channel) - {"type", "name"} == set(known)
        for name, option in known.items():
            if option.default not in (..., None):
                assert channel[name] == option.default, (kind, name)


def test_the_readme_has_every_type():
    text = (FOLDER / "README.md").read_text("utf-8")
    assert all(f"| `{kind}` |" in text for kind in SINK_TYPES)


def test_hostile_news_are_bounded():
    told = tidy(hostile())
    assert len(as_json(told)) < 40_000
    assert len(told.reason) == 4000
    assert told.reason.endswith("…")
    assert len(told.entities) == 10
    assert tidy(told) == told
    assert tidy(news()) == news()


def test_keys_stay_themselves_or_become_a_digest():
    assert key_of("alarm-1:trigger") == "alarm-1:trigger"
    odd = [key_of(word) for word in ("", "a b", "ä", "x" * 129, "\ud800", "a\r\nb")]
    assert len(set(odd)) == len(odd)
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in odd)
    assert cut("x" * 10, 10) == "x" * 10


def test_times_with_any_zone_and_none():
    assert (
        seconds_of("2026-03-02T01:00:00+01:00")
        == seconds_of("2026-03-02T00:00:00Z")
        == seconds_of("2026-03-02T00:00:00")
    )
    assert seconds_of("yesterday") is None
    assert seconds_of(None) is None


def test_a_trial_ends_what_it_began():
    begins, ends = trial_notification(5.0), trial_notification(5.0, resolve=True)
    assert begins.fingerprint == ends.fingerprint != trial_notification(6.0).fingerprint
    assert (begins.severity, begins.started) == (ends.severity, ends.started)
    assert begins.id != ends.id


@pytest.mark.parametrize(("options", "module", "extra"), [
    ({"type": "mqtt", "host": "h"}, "paho.mqtt.client", "live"),
    ({"type": "apprise", "url": {"env": "CHAT"}}, "apprise", "notify"),
])  # fmt: skip
def test_what_is_not_installed_is_named(monkeypatch, options, module, extra):
    monkeypatch.setenv("CHAT", "json://127.0.0.1/")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"amiss\[{extra}\]"):
        make_sink("channel", options)
