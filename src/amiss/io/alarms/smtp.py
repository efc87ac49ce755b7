"""Notifications by mail."""

from __future__ import annotations

import hashlib
import html
import smtplib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, ClassVar

from amiss.core.errors import RecipeError, TerminalError, TransientError
from amiss.core.notification import Notification
from amiss.core.one_line import one_line
from amiss.core.params import Between, OneOf, Optional, Text, Whole
from amiss.io.alarms.option import HostName, Option, Texts
from amiss.io.alarms.posting import tls_context
from amiss.io.alarms.secret import Secret, hidden
from amiss.io.alarms.words import cut, lines_of, tidy

__all__ = ["SmtpSink"]

_MARKS = {"trigger": "ALARM", "acknowledge": "ACKNOWLEDGED", "resolve": "RESOLVED"}
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class _Mailbox:
    """A plain address of mail."""

    def admits(self, value: Any) -> bool:
        """Whether `value` is one."""
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > 254:
            return False
        local, _, host = value.rpartition("@")
        return bool(local and host) and not set(value) & set(' ,;:<>()[]"\\') and "@" not in local

    def __str__(self) -> str:
        return "an address such as on-call@example.org"


class SmtpSink:
    """One mail a notification, as plain text and as short HTML.

    `Message-ID` is made from the notification's id, so that mail programs show it once however often it was sent.
    All mails of one alarm refer to the same origin (`References`, `In-Reply-To`), made from its fingerprint and
    beginning: they stand in one thread, also after a restart.

    Parameters
    ----------
    name
        As the configuration calls it.
    host, port
        Of the mail server; the port is 587, 465 or 25 by `security` where None.
    sender, to
        Addresses.
    security
        "starttls", "tls" from the first byte, or "none".
    user, password
        To log in; only over TLS, or to this machine.
    timeout_seconds, ca_file, where, now
        As for `WebhookSink`.

    Raises
    ------
    RecipeError
        An address is none, or a password would go over the network in the clear.
    """

    options: ClassVar = {
        "host": Option(HostName()),
        "port": Option(Optional(Whole(1, 65535)), None),
        "sender": Option(_Mailbox()),
        "to": Option(Texts()),
        "security": Option(OneOf(tuple(_PORTS)), "starttls"),
        "user": Option(Optional(Text()), None),
        "password": Option(Text(), None, "always"),
        "timeout_seconds": Option(Between(0.1, 60), 10.0),
        "ca_file": Option(Optional(Text()), None),
    }

    def __init__(
        self, name: str, *, host: str, sender: str, to: str | Sequence[str], port: int | None = None,
        security: str = "starttls", user: str | None = None, password: Secret | None = None,
        timeout_seconds: float = 10.0, ca_file: str | None = None, where: str = "channel",
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.name, self._host, self._port = name, host, port or _PORTS[security]
        self._sender, self._to = sender, [to] if isinstance(to, str) else list(to)
        self._security, self._user, self._password = security, user, password
        self._timeout, self._now = timeout_seconds, now
        wrong = next((address for address in self._to if not _Mailbox().admits(address)), None)
        if wrong is not None:
            raise RecipeError(f"{wrong[:60]!r} cannot be mailed to", where=f"{where}.to", mend=f"give {_Mailbox()}")
        if (user is None) != (password is None):
            raise RecipeError("user and password come together", where=f"{where}.user", mend="give both or none")
        if password is not None and security == "none" and host not in ("127.0.0.1", "::1", "localhost"):
            mend = 'choose security = "starttls" or "tls"'
            raise RecipeError("the password would go out in the clear", where=f"{where}.security", mend=mend)
        self._tls = None if security == "none" else tls_context(ca_file, f"{where}.ca_file")

    def __repr__(self) -> str:
        return f"SmtpSink({self.name!r}, {self._host}:{self._port})"

    def deliver(self, notification: Notification) -> None:
        """As `AlarmSink.deliver`; a mail that a part of its recipients refuse counts as refused, and says which."""
        mail = self._mail(tidy(notification))
        try:
            with self._connected() as server:
                refused = server.send_message(mail, self._sender, self._to)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPNotSupportedError:
            raise TerminalError(
                f"the server does not know {self._security} or login", where=self._place,
                mend="check port and security",
            ) from None  # fmt: skip
        except smtplib.SMTPResponseException as error:
            raise self._refusal(error.smtp_code, error.smtp_error) from None
        except (smtplib.SMTPException, OSError) as error:
            raise TransientError(
                f"no answer: {self._shown(str(error) or type(error).__name__)}", where=self._place
            ) from None
        if refused:
            self._complain(refused)

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def _place(self) -> str:
        return f"smtp://{self._host}:{self._port}"

    def _connected(self) -> smtplib.SMTP:
        if self._security == "tls":
            assert self._tls is not None
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout, context=self._tls)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            if self._security == "starttls":
                server.starttls(context=self._tls)
            if self._user is not None and self._password is not None:
                server.login(self._user, self._password.reveal())
        except BaseException:
            server.close()
            raise
        return server

    def _complain(self, refused: dict[str, tuple[int, bytes]]) -> None:
        # Who has it already gets it again with the rest, under the same Message-ID.
        soonest = min(refused.values())
        told = f"{len(refused)} of {len(self._to)} recipients are refused ({', '.join(sorted(refused))[:200]})"
        raise self._refusal(*soonest, told=told)

    def _refusal(self, code: int, text: bytes | str, told: str = "refused") -> TransientError | TerminalError:
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        what = f"{told}: {code} {self._shown(words)}"
        # A wrong password is not tried again and again: that locks accounts.
        if 400 <= code < 500 or code < 0:
            return TransientError(what, where=self._place)
        return TerminalError(what, where=self._place, mend="check user, password, sender and recipients")

    def _shown(self, text: str) -> str:
        return one_line(hidden(text, (self._password,))).strip()[:200]

    def _mail(self, told: Notification) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        domain = self._sender.rpartition("@")[2]
        origin = f"<{_digest(told.fingerprint, told.started)}.alarm@{domain}>"
        mail["From"], mail["To"] = self._sender, ", ".join(self._to)
        mail["Subject"] = cut(f"[{_MARKS[told.action]}] {told.title}", _SUBJECT)
        mail["Date"] = format_datetime(datetime.fromtimestamp(self._now(), UTC))
        mail["Message-ID"] = f"<{_digest(told.id)}.news@{domain}>"
        mail["In-Reply-To"] = mail["References"] = origin
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Amiss-Id"] = told.id
        rows = lines_of(told)
        mail.set_content(
            "\n".join([told.title, "", told.reason, "", *(f"{name}: {value}" for name, value in rows), ""])
        )
        mail.add_alternative(_html_of(told, rows), subtype="html")
        return mail


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _html_of(told: Notification, rows: list[tuple[str, str]]) -> str:
    cells = "\n".join(f"<tr><th align=left>{html.escape(n)}</th><td>{html.escape(v)}</td></tr>" for n, v in rows)
    return f"<h3>{html.escape(told.title)}</h3>\n<p>{html.escape(told.reason)}</p>\n<table>\n{cells}\n</table>\n"
