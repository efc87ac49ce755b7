"""Notifications through everything that Apprise knows: chats, telephones, desktops."""

from __future__ import annotations

from typing import ClassVar

from amiss.core.errors import RecipeError, TransientError
from amiss.core.extras import require
from amiss.core.notification import Notification
from amiss.core.params import Between, Text
from amiss.io.alarms.option import Option
from amiss.io.alarms.secret import Secret
from amiss.io.alarms.words import cut, lines_of, tidy

__all__ = ["AppriseSink"]

_TONES = {"critical": "failure", "error": "failure", "warning": "warning", "info": "info"}
_BODY = 1500


class AppriseSink:
    """One message a notification to one of Apprise's services.

    Apprise says whether a message was taken, and not why it was refused, so each refusal is tried again until the
    outbox gives up. Idempotency keys are unknown to most services: what was sent twice shows twice there.

    Parameters
    ----------
    name
        As the configuration calls it.
    url
        Apprise's address of one service; it holds tokens, so it is a secret as a whole.
    timeout_seconds
        Longest wait, in [0.1, 60].
    where
        Path of the channel in the configuration.

    Raises
    ------
    RecipeError
        Apprise does not know the address.
    MissingExtraError
        Apprise is not installed.
    """

    options: ClassVar = {"url": Option(Text(), secret="always"), "timeout_seconds": Option(Between(0.1, 60), 10.0)}

    def __init__(self, name: str, *, url: Secret, timeout_seconds: float = 10.0, where: str = "channel") -> None:
        self.name, self._timeout = name, timeout_seconds
        apprise = require("apprise", extra="notify", what="A channel of type apprise")
        self._services = apprise.Apprise()
        if not self._services.add(url.reveal()) or len(self._services) != 1:
            mend = "see https://github.com/caronc/apprise/wiki; one channel is one address"
            raise RecipeError("Apprise does not know this address", where=f"{where}.url", mend=mend)

    def __repr__(self) -> str:
        return f"AppriseSink({self.name!r}, ***)"

    def deliver(self, notification: Notification) -> None:
        """As `AlarmSink.deliver`."""
        told = tidy(notification)
        rows = "\n".join(f"{name}: {value}" for name, value in lines_of(told))
        tone = _TONES[told.severity] if told.action == "trigger" else "success" if told.action == "resolve" else "info"
        try:
            taken = self._services.notify(
                title=f"[{told.action}] {told.title}", body=f"{cut(told.reason, _BODY)}\n\n{cut(rows, _BODY)}",
                notify_type=tone, body_format="text", interpret_escapes=False, timeout=self._timeout,
            )  # fmt: skip
        except Exception as error:
            raise TransientError(f"Apprise failed: {type(error).__name__}", where=self.name) from None
        if not taken:
            raise TransientError(
                "Apprise could not deliver it", where=self.name, mend="try the address with apprise -vv"
            )

    def close(self) -> None:
        """Nothing is held open."""
