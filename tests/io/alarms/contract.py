"""What every channel must do; each channel's test inherits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from amiss.core.errors import TransientError
from amiss.core.notification import AlarmSink
from tests.io.alarms.receivers import hostile, news


@dataclass
class Channel:
    """A channel with its receiver.

    Attributes
    ----------
    sink
        The channel.
    arrived
        What the receiver has, as text, one item a notification; waits a moment for what is on its way.
    away
        The same channel where nobody listens; None where that cannot be noticed.
    secrets
        What must not be shown.
    """

    sink: AlarmSink
    arrived: Callable[[int], list[str]]
    away: AlarmSink | None = None
    secrets: tuple[str, ...] = ()
    keeps_ids: bool = True


class SinkContract:
    """Inherit it, and define the fixture `channel`."""

    @pytest.fixture
    def channel(self) -> Any:
        raise NotImplementedError

    def test_news_arrive_with_what_happened(self, channel: Channel) -> None:
        channel.sink.deliver(news())
        (text,) = channel.arrived(1)
        assert "temperature is 81.2 where 60 to 70 is usual" in text
        assert "pump-3" in text

    def test_each_action_is_taken(self, channel: Channel) -> None:
        channel.sink.deliver(news())
        channel.sink.deliver(news(action="acknowledge", id="alarm-1:acknowledge"))
        channel.sink.deliver(news(action="resolve", id="alarm-1:resolve", ended="2026-03-02T01:00:00Z"))
        assert len(channel.arrived(2)) >= 2

    def test_what_is_sent_again_has_the_same_id(self, channel: Channel) -> None:
        channel.sink.deliver(news())
        channel.sink.deliver(news())
        first, second = channel.arrived(2)
        if channel.keeps_ids:
            assert "alarm-1:trigger:1" in first
            assert "alarm-1:trigger:1" in second

    def test_hostile_text_is_taken_and_cut(self, channel: Channel) -> None:
        channel.sink.deliver(hostile())
        channel.sink.deliver(news(id="after"))
        arrived = channel.arrived(2)
        assert len(arrived) == 2
        assert "\U0001f321" in arrived[0]
        assert len(arrived[0]) < 100_000
        assert not any(c in arrived[0] for c in "\0\u2028\ud800")
        assert "Bcc: all@example.org\n" not in arrived[0].replace("\r", "")

    def test_nobody_there_is_for_later(self, channel: Channel) -> None:
        if channel.away is None:
            pytest.skip("this protocol does not notice that nobody listens")
        with pytest.raises(TransientError) as caught:
            channel.away.deliver(news())
        assert not any(secret in str(caught.value) for secret in channel.secrets)

    def test_no_secret_is_shown(self, channel: Channel) -> None:
        shown = [repr(channel.sink), str(vars(channel.sink)), channel.sink.name]
        assert not any(secret in text for secret in channel.secrets for text in shown)

    def test_close_may_be_called_twice(self, channel: Channel) -> None:
        channel.sink.deliver(news())
        channel.sink.close()
        channel.sink.close()
