"""Listens: on the loopback as it is; on other addresses with TLS alone."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from amiss.core.errors import ConnectorError, ParameterError
from amiss.io.http.listening import listening

__all__ = ["Address", "Server"]

_MOST_CONNECTIONS = 1_000
_KEEP_ALIVE_SECONDS = 20
_GRACE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes
    ----------
    host, port
        Of this machine; port 0 lets the system choose.
    certificate, key
        Files of TLS; None for none, which only the loopback may have.
    behind_proxy
        Whether somebody else does TLS before it.

    Raises
    ------
    ParameterError
        It would be reached from elsewhere without TLS, or a file is not there.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False

    def checked(self) -> Address:
        """The address itself."""
        if (self.certificate is None) != (self.key is None):
            raise ParameterError("TLS needs a certificate and its key", mend="give --tls-cert and --tls-key")
        for file in (self.certificate, self.key):
            if file is not None and not file.is_file():
                raise ParameterError("a file of TLS is not there", where=str(file), mend="look at the path")
        if not self.is_loopback and self.certificate is None and not self.behind_proxy:
            raise ParameterError(
                f"{self.host} can be reached from elsewhere, and tokens would go there in the clear",
                mend="give --tls-cert and --tls-key, or --behind-proxy where a proxy does TLS; or leave out --host",
            )
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names under which it may be called: on the loopback no others, so that no page elsewhere poses as one."""
        return ("127.0.0.1", "localhost", "::1") if self.is_loopback and not self.behind_proxy else ()


class Server:
    """A server that listens from the time it is made.

    Parameters
    ----------
    app
        The application.
    address
        Where.
    ending
        Called once it is to end, so that those who listen without end are let go.

    Attributes
    ----------
    url
        Where to find it.
    """

    def __init__(self, app: Any, address: Address, ending: Callable[[], Awaitable[None]] | None = None) -> None:
        try:
            self._heard = listening(address.host, address.port)
        except (OSError, OverflowError) as error:
            raise ConnectorError(
                f"nobody can listen there: {getattr(error, 'strerror', None) or error}",
                where=f"{address.host}:{address.port}", mend="choose another port with --port",
            ) from error  # fmt: skip
        scheme = "https" if address.certificate else "http"
        host = f"[{address.host}]" if ":" in address.host else address.host
        self.url = f"{scheme}://{host}:{self._heard.getsockname()[1]}"
        self._server = _Ending(
            uvicorn.Config(
                app, log_config=None, log_level="warning", access_log=False, server_header=False, loop="asyncio",
                limit_concurrency=_MOST_CONNECTIONS, timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS, proxy_headers=False,
                ssl_certfile=address.certificate, ssl_keyfile=address.key,
            ),
            ending,
        )  # fmt: skip

    def run(self) -> None:
        """Answer until a signal or `stop` ends it."""
        self._server.run([self._heard])

    def start(self) -> Callable[[], None]:
        """Answer in a thread; gives what ends it."""
        thread = threading.Thread(target=self.run, name="amiss-server", daemon=True)
        thread.start()

        def stop() -> None:
            self._server.should_exit = True
            thread.join(_GRACE_SECONDS + 5.0)

        return stop


class _Ending(uvicorn.Server):
    """Says that it ends before it waits for those who are being answered."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], Awaitable[None]] | None) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        if self._ending is not None:
            await self._ending()
        await super().shutdown(sockets)
