"""POST over HTTP, and what the answer means for trying again."""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from amiss.core.errors import RecipeError, TerminalError, TransientError
from amiss.core.one_line import one_line
from amiss.io.alarms.secret import Secret, hidden

__all__ = ["Address", "Post", "tls_context"]

_AGAIN = (408, 425, 429)
_LONGEST_REST = 3600.0


@dataclass(frozen=True, slots=True)
class Address:
    """An address of the web: http or https, with a host, without user and password."""

    def admits(self, value: Any) -> bool:
        """Whether `value` is one."""
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
            return False
        try:
            parts = urlsplit(value)
            return (
                parts.scheme in ("http", "https")
                and bool(parts.hostname)
                and parts.port != 0
                and "@" not in parts.netloc
            )
        except ValueError:
            return False

    def __str__(self) -> str:
        return "an address such as https://host/path; user and password do not belong into it"


def tls_context(ca_file: str | None, where: str) -> ssl.SSLContext:
    """TLS that checks the other side's certificate, by the machine's authorities or those in `ca_file` alone.

    Raises
    ------
    RecipeError
        The file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise RecipeError(
            f"cannot read the certificates: {reason}", where=f"{where}: {ca_file}", mend="give a PEM file"
        ) from None


class Post:
    """Where to post to.

    Parameters
    ----------
    url
        Address; of it only scheme and host are ever shown.
    timeout_seconds
        Longest silence of the other side.
    ca_file
        Authorities to trust instead of the machine's.
    where
        Path of the channel in the configuration.
    secrets
        Never to be shown, even where the answer repeats them.
    """

    def __init__(
        self, url: str | Secret, *, timeout_seconds: float = 10.0, ca_file: str | None = None, where: str = "",
        secrets: tuple[Secret | None, ...] = (),
    ) -> None:  # fmt: skip
        self._url = url.reveal() if isinstance(url, Secret) else url
        parts = urlsplit(self._url)
        self.place = f"{parts.scheme}://{parts.netloc}"
        self._timeout = timeout_seconds
        self._secrets = (*secrets, url if isinstance(url, Secret) else None)
        # The standard library's client is enough for one request a piece, and saves every user of this extra a
        # dependency. Only these handlers: with none for redirects and errors, each answer is seen as it came.
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(), urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=tls_context(ca_file, f"{where}.ca_file")),
        ):  # fmt: skip
            self._opener.add_handler(handler)

    def send(self, body: bytes, headers: dict[str, str]) -> int:
        """Post `body`; gives the status, which is one of success.

        Raises
        ------
        TransientError
            Nobody answers, or the answer is 408, 425, 429 or 5xx; what `Retry-After` says is in the error.
        TerminalError
            Any other answer; also a redirect, as a request with secrets is not sent to where it was not meant to go.
        """
        request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                status, text = response.status, self._answer(response)
                rest = response.headers.get("Retry-After")
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise TransientError(
                f"no answer: {self._shown(str(reason) or type(reason).__name__)}", where=self.place,
                mend="check the address and whether the service runs",
            ) from None  # fmt: skip
        if 200 <= status < 300:
            return int(status)
        what = f"answered {status}{': ' + text if text else ''}"
        if status in _AGAIN or status >= 500:
            later = TransientError(what, where=self.place)
            later.retry_after_seconds = _rest_of(rest)
            raise later
        mend = "give the address that it leads to" if 300 <= status < 400 else "check address, secrets and options"
        raise TerminalError(what, where=self.place, mend=mend)

    def _answer(self, response: Any) -> str:
        """How the answer's text begins: it may hold why. That it breaks off there changes nothing."""
        try:
            start: bytes = response.read1(2048)
        except (OSError, http.client.HTTPException):
            return ""
        return self._shown(start.decode("utf-8", "replace"))

    def _shown(self, text: str) -> str:
        return one_line(hidden(text, self._secrets)).strip()[:200]


def _rest_of(header: str | None) -> float | None:
    """Seconds that a `Retry-After` asks for, as a number or a date; None where it says nothing that can be read."""
    if header is None:
        return None
    try:
        seconds = float(header) if header.strip().isdigit() else parsedate_to_datetime(header).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_REST)
