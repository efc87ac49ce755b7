"""/metrics for Prometheus, and /healthz."""

from __future__ import annotations

import threading
from typing import Any

from amiss.core.errors import ConnectorError, ParameterError
from amiss.core.extras import require
from amiss.stream.monitor import Monitor, Step

__all__ = ["Metrics"]

_WAIT_SECONDS = 5.0
_STALLED_SECONDS = 60.0


class Metrics:
    """Counts what a Monitor does, and serves it by HTTP.

    Parameters
    ----------
    monitor
        What is counted.
    """

    def __init__(self, monitor: Monitor) -> None:
        prometheus = require("prometheus_client", extra="live", what="/metrics")
        self._monitor, self._prometheus = monitor, prometheus
        self.registry = prometheus.CollectorRegistry()
        made: dict[str, Any] = {"registry": self.registry}
        self._messages = prometheus.Counter("amiss_messages", "Messages read.", **made)
        self._rows = prometheus.Counter("amiss_rows", "Rows, by what became of them.", ["fate"], **made)
        self._refused = prometheus.Counter("amiss_refused", "Records that were refused.", ["reason"], **made)
        self._events = prometheus.Counter("amiss_events", "Events opened.", ["kind"], **made)
        self._told = prometheus.Counter("amiss_notifications", "Notifications queued.", ["action"], **made)
        self._open = prometheus.Gauge("amiss_open_events", "Events that are on.", **made)
        self._entities = prometheus.Gauge("amiss_entities", "Entities known.", **made)
        self._lag = prometheus.Gauge("amiss_lag_messages", "Messages known to wait.", **made)
        self._ready = prometheus.Gauge("amiss_readiness", "How much of what it needs it has learnt, 0 to 1.", **made)
        self._fates: dict[str, int] = {}
        self._round_at = monitor.clock.now()
        self._server: Any = None

    def take(self, step: Step) -> None:
        """Count what a round has brought."""
        monitor, flow = self._monitor, self._monitor.flow
        self._round_at = monitor.clock.now()
        self._messages.inc(len(step.polled.messages))
        for fate, n in flow.counts.items():
            self._rows.labels(fate).inc(max(n - self._fates.get(fate, 0), 0))
            self._fates[fate] = n
        for each in step.taken.refused:
            self._refused.labels(each.reason).inc()
        for change in step.changes:
            if change.opened:
                self._events.labels(change.event.kind.split()[0]).inc()
        for told in step.told:
            self._told.labels(told.action).inc()
        self._open.set(len(flow.life.open))
        self._entities.set(len(flow.roster.names))
        self._lag.set(-1 if monitor.lag is None else monitor.lag)
        self._ready.set(flow.judge.readiness())

    def listen(self, address: str) -> int:
        """Serve from now on; gives the port, chosen by the system where 0 is asked for.

        Raises
        ------
        ParameterError
            The address cannot be read.
        ConnectorError
            Nobody may listen there.
        """
        host, _, port = address.rpartition(":")
        if not port.isdigit() or int(port) > 65_535:
            raise ParameterError(f"nobody can listen at {address!r}", mend='write "127.0.0.1:9464"')
        from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

        class Quiet(WSGIRequestHandler):
            timeout = _WAIT_SECONDS

            def log_message(self, *args: Any) -> None:
                """Nothing: what is asked of it is no news."""

        exposition = self._prometheus.make_wsgi_app(self.registry)

        def answer(environ: dict[str, Any], start: Any) -> Any:
            if environ.get("PATH_INFO") == "/metrics":
                return exposition(environ, start)
            if environ.get("PATH_INFO") == "/healthz":
                alive = self._monitor.clock.now() - self._round_at < _STALLED_SECONDS
                start("200 OK" if alive else "503 Service Unavailable", [("Content-Type", "text/plain")])
                return [b"ok\n" if alive else b"no round for a minute\n"]
            start("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/metrics and /healthz are here\n"]

        try:
            self._server = make_server(host or "127.0.0.1", int(port), answer, WSGIServer, Quiet)
        except OSError as error:
            raise ConnectorError(
                f"nobody may listen at {address}: {error.strerror}", where=address, mend="give another port"
            ) from error
        threading.Thread(target=self._server.serve_forever, name="amiss metrics", daemon=True).start()
        return int(self._server.server_port)

    def close(self) -> None:
        """Cease to serve; may be called twice."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
