"""A socket that listens, as a server of small answers needs it."""

from __future__ import annotations

import socket

__all__ = ["listening"]

_BACKLOG = 1_000


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address of this machine.

    It is said to be TCP: only then does asyncio send each small answer at once, rather than up to 40 ms later.

    Raises
    ------
    OSError
        The port is taken, or may not be listened on; or the host is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    heard = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        heard.bind((host, port))
        heard.listen(_BACKLOG)
    except BaseException:
        heard.close()
        raise
    return heard
