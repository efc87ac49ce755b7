"""Addresses of sources: where they are and what they are asked for, and the same without its passwords."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from amiss.core.errors import ConnectorError
from amiss.core.written import readable

__all__ = ["Address", "read_address"]

_WITH_PASSWORD = re.compile(r"^(?P<start>[^:/@]*:)?(?P<slashes>//)?(?:(?P<user>[^:/@]*):)?.*@", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """An address in its parts.

    Attributes
    ----------
    scheme
        What stands before the colon, in small letters; "-" for standard input.
    shown
        The address as people may see it: the password as `***`, and no options.
    host, port, path
        Where it is; "" and None where it does not say. The path begins behind its first slash.
    user, password
        As given, decoded; "" and None where they are not.
    options
        What stands behind the question mark, by name.
    """

    scheme: str
    shown: str
    host: str = ""
    port: int | None = None
    path: str = ""
    user: str = ""
    password: str | None = field(default=None, repr=False)
    options: dict[str, str] = field(default_factory=dict, repr=False)


def read_address(text: str, *, with_host: bool = True) -> Address:
    """The parts of an address such as `mqtt://user:password@host:1883/a/topic/#?qos=1`.

    Parameters
    ----------
    text
        The address; a `#` in it is part of the path.
    with_host
        Whether a host is looked for; otherwise all behind the colon is the path.

    Raises
    ------
    ConnectorError
        It is no address, or its port is no number from 1 to 65,535; the message holds no password.

    Examples
    --------
    >>> from amiss.io.address import read_address
    >>> address = read_address("mqtt://me:secret@host/plant/#?client_id=a")
    >>> address.host, address.path, address.options
    ('host', 'plant/#', {'client_id': 'a'})
    >>> address.shown
    'mqtt://me:***@host/plant/#'
    """
    if text == "-":
        return Address("-", "standard input")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not scheme:
        raise ConnectorError(
            f"{_hidden(text)!r} is no address", mend="give one such as mqtt://host/topic, file:PATH, host: or -"
        )
    if not with_host:
        rest, _, query = rest.partition("?") if scheme != "file" else (rest, "", "")
        return Address(scheme, readable(f"{scheme}:{rest}"), path=rest, options=dict(parse_qsl(query)))
    try:
        parts = urlsplit(f"{scheme}:{rest}".replace("#", "%23"))
        port = parts.port
        host = parts.hostname or ""
    except ValueError as error:
        raise ConnectorError(
            "the address cannot be read: its port or host is wrong", where=_hidden(text),
            mend="write scheme://user:password@host:port/path, with / @ : ? of a password as %2F %40 %3A %3F",
        ) from error.__cause__  # fmt: skip
    if port == 0 or not rest.startswith("//"):
        raise ConnectorError("the address cannot be read", where=_hidden(text), mend=f"write {scheme}://host:port/path")
    path = unquote(parts.path)[1:]
    user = unquote(parts.username or "")
    password = None if parts.password is None else unquote(parts.password)
    who = "" if not user and password is None else user + (":***@" if password is not None else "@")
    shown = f"{scheme}://{who}{_bracketed(host)}{f':{port}' if port else ''}/{path}"
    return Address(
        scheme, readable(shown), host, port, path, user, password, dict(parse_qsl(parts.query, keep_blank_values=True))
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _hidden(text: str) -> str:
    """An address that cannot be read, without what may be a password or a secret option."""
    return readable(_WITH_PASSWORD.sub(r"\g<start>\g<slashes>\g<user>:***@", text).partition("?")[0])
