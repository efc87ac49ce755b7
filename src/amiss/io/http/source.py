"""Messages that others push to us over HTTP."""

from __future__ import annotations

import ipaddress
import threading
import time
from typing import TYPE_CHECKING, Any

from amiss.core.errors import ConnectorError
from amiss.core.extras import require
from amiss.core.live import Position
from amiss.io.address import Address
from amiss.io.http.listening import listening
from amiss.io.http.receiver import HttpOptions, Receiver, answered

if TYPE_CHECKING:
    from starlette.requests import Request as Asked
    from starlette.responses import Response

__all__ = ["HttpOptions", "HttpSource"]

_START_SECONDS = 10.0
_MOST_CONNECTIONS = 1_000
_ALIVE = ("/ping", "/health")


class HttpSource(Receiver):
    """What is posted to a port of this machine: JSON objects, arrays or lines, and InfluxDB's line protocol.

    Parameters
    ----------
    address
        `http://:8086/` listens on this machine's loopback only, `http://0.0.0.0:8086/` to everybody.
    name
        What the user calls it; the address where "".
    options
        What is asked of it.

    Raises
    ------
    ConnectorError
        The address lacks its port.
    """

    def __init__(self, address: Address, *, name: str = "", options: HttpOptions | None = None) -> None:
        super().__init__(name or address.shown, options)
        if not address.port:
            raise ConnectorError("the address lacks its port", where=address.shown, mend="http://:8086/")
        self._host, self._port = address.host or "127.0.0.1", address.port
        self._server: Any = None

    @classmethod
    def at(cls, address: Address, *, name: str, options: HttpOptions) -> HttpSource:
        """The source that an address names."""
        return cls(address, name=name, options=options)

    def open(self, position: Position | None) -> None:
        """Listen.

        Raises
        ------
        ConnectorError
            The port is taken, or may not be listened on.
        MissingExtraError
            starlette or uvicorn are not installed.
        """
        uvicorn = require("uvicorn", extra="live", what="listening for pushed messages")
        super().open(position)
        if not self._token and not _is_loopback(self._host):
            self._notes.append(f"{self.name}: everybody who reaches this port may write; set a token")
        try:
            heard = listening(self._host, self._port)
        except OSError as error:
            raise ConnectorError(
                f"the port cannot be listened on: {error.strerror}", where=self.name, mend="choose another one"
            ) from error
        config = uvicorn.Config(
            self._application(), log_config=None, log_level="critical", access_log=False, lifespan="off",
            loop="asyncio", limit_concurrency=_MOST_CONNECTIONS, timeout_graceful_shutdown=2, server_header=False,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([heard],), name="amiss-http", daemon=True)
        self._thread.start()
        until = time.monotonic() + _START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.005)

    def _application(self) -> Any:
        applications = require("starlette.applications", extra="live", what="listening for pushed messages")
        routing = require("starlette.routing", extra="live", what="listening for pushed messages")
        every = routing.Route("/{path:path}", self.posted, methods=["POST"])
        return applications.Starlette(
            routes=[*(routing.Route(path, self._alive, methods=["GET"]) for path in _ALIVE), every]
        )

    async def _alive(self, asked: Asked) -> Response:
        return answered(204)

    def close(self) -> None:
        """Listen no more; those who wait are told to come again."""
        super().close()
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join(5.0)
            self._server = None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
