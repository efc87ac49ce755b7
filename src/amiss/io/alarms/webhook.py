"""Notifications as JSON to any web service, signed."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import ClassVar

from amiss import __version__
from amiss.core.notification import Notification
from amiss.core.params import Between, Optional, Text
from amiss.io.alarms.option import Option
from amiss.io.alarms.posting import Address, Post
from amiss.io.alarms.secret import Secret
from amiss.io.alarms.words import as_json, tidy

__all__ = ["WebhookSink", "signature_of"]


class WebhookSink:
    """One POST a notification: the object as JSON, all fields always there.

    Headers: `Idempotency-Key` (the id: the same at each try), `X-Amiss-Timestamp` (whole seconds since 1970) and,
    with a secret, `X-Amiss-Signature`; see `signature_of`. Any 2xx is success; 408, 425, 429, 5xx and no answer are
    tried again; all else is refused for good. Redirects are not followed.

    Parameters
    ----------
    name
        As the configuration calls it.
    url
        Address; a `Secret` where it holds a token.
    secret
        Key of the signature.
    token
        Sent as `Authorization: Bearer …`.
    timeout_seconds
        Longest silence of the other side, in [0.1, 60].
    ca_file
        Authorities to trust instead of the machine's, as PEM.
    where
        Path of the channel in the configuration.
    now
        Clock of the timestamp.
    """

    options: ClassVar = {
        "url": Option(Address(), secret="may"),
        "secret": Option(Text(), None, "always"),
        "token": Option(Text(), None, "always"),
        "timeout_seconds": Option(Between(0.1, 60), 10.0),
        "ca_file": Option(Optional(Text()), None),
    }

    def __init__(
        self, name: str, *, url: str | Secret, secret: Secret | None = None, token: Secret | None = None,
        timeout_seconds: float = 10.0, ca_file: str | None = None, where: str = "channel",
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.name = name
        self._secret, self._token, self._now = secret, token, now
        self._post = Post(url, timeout_seconds=timeout_seconds, ca_file=ca_file, where=where, secrets=(secret, token))

    def __repr__(self) -> str:
        return f"WebhookSink({self.name!r}, {self._post.place})"

    def deliver(self, notification: Notification) -> None:
        """As `AlarmSink.deliver`."""
        told = tidy(notification)
        body, stamp = as_json(told), str(int(self._now()))
        headers = {
            "Content-Type": "application/json", "User-Agent": f"amiss/{__version__}", "Idempotency-Key": told.id,
            "X-Amiss-Timestamp": stamp,
        }  # fmt: skip
        if self._secret is not None:
            headers["X-Amiss-Signature"] = signature_of(self._secret.reveal(), stamp, body)
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        self._post.send(body, headers)

    def close(self) -> None:
        """Nothing is held open."""


def signature_of(secret: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 of `stamp`, a full stop and `body`, in hexadecimal: what a receiver computes and compares.

    A receiver should also refuse a timestamp that is more than some minutes old, so that nothing is played back.

    Examples
    --------
    >>> from amiss.io.alarms.webhook import signature_of
    >>> signature_of("key", "1772409600", b"{}")[:16]
    'a78a86e6c1aae03e'
    """
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
