"""/metrics for Prometheus, and /healthz."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from amiss.core.errors import ConnectorError, ParameterError
from amiss.core.extras import require
from amiss.stream.monitor import Monitor, Step

__all__ = ["Metrics"]

_WAIT_SECONDS = 5.0
_STALLED_SECONDS = 60.0


class Metrics:
    """Counts what Monitors do, by their source, and serves it by HTTP.

    Parameters
    ----------
    monitors
        What is counted.
    """

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        prometheus = require("prometheus_client", extra="live", what="/metrics")
        self._monitors, self._prometheus = list(monitors), prometheus
        self.registry = prometheus.CollectorRegistry()

        def made(kind: Any, name: str, what: str, *labels: str) -> Any:
            return kind(f"amiss_{name}", what, ["source", *labels], registry=self.registry)

        counter, gauge = prometheus.Counter, prometheus.Gauge
        self._messages = made(counter, "messages", "Messages read.")
        self._rows = made(counter, "rows", "Rows, by what became of them.", "fate")
        self._refused = made(counter, "refused", "Records that were refused.", "reason")
        self._events = made(counter, "events", "Events opened.", "kind")
        self._told = made(counter, "notifications", "Notifications queued.", "action")
        self._refusals = made(counter, "store_refusals", "Tries that the store, or the snapshot's folder, refused.")
        self._held = made(
            gauge, "held_seconds", "For how long nothing is read, as the store refuses; 0 if it does not."
        )
        self._forgotten = made(counter, "entities_forgotten", "Entities forgotten, as there were too many.")
        self._open = made(gauge, "open_events", "Events that are on.")
        self._entities = made(gauge, "entities", "Entities known.")
        self._lag = made(gauge, "lag_messages", "Messages known to wait, -1 where the source cannot say.")
        self._waiting = made(gauge, "waiting_rows", "Rows that wait for late ones.")
        self._ready = made(gauge, "readiness", "How much of what it needs it has learnt, 0 to 1.")
        self._before: Counter[tuple[str, str, str]] = Counter()
        self._round_at = {monitor.source.name: monitor.clock.now() for monitor in self._monitors}
        self._server: Any = None
        for monitor in self._monitors:
            self._refusals.labels(monitor.source.name)
            self._forgotten.labels(monitor.source.name)
            self._gauge(monitor)

    def take(self, monitor: Monitor, step: Step) -> None:
        """Count what a round has brought."""
        name = monitor.source.name
        self._round_at[name] = monitor.clock.now()
        if step.polled.ended:
            self._round_at.pop(name, None)
        self._messages.labels(name).inc(len(step.polled.messages))
        for fate, n in monitor.flow.counts.items():
            self._rows.labels(name, fate).inc(self._more(name, fate, n))
        self._refusals.labels(name).inc(self._more(name, "", monitor.hold.n_refused, "store"))
        self._forgotten.labels(name).inc(self._more(name, "", monitor.flow.roster.n_forgotten, "forgotten"))
        for each in step.taken.refused:
            self._refused.labels(name, each.reason).inc()
        for change in step.changes:
            if change.opened:
                self._events.labels(name, change.event.kind.split()[0]).inc()
        for told in step.told:
            self._told.labels(name, told.action).inc()
        self._gauge(monitor)

    def _more(self, name: str, fate: str, n: int, of: str = "") -> int:
        """By how much a count of a Monitor's has grown."""
        more = max(n - self._before[name, fate, of], 0)
        self._before[name, fate, of] = n
        return more

    def _gauge(self, monitor: Monitor) -> None:
        name, flow, since = monitor.source.name, monitor.flow, monitor.hold.since
        self._held.labels(name).set(0 if since is None else max(monitor.clock.now() - since, 0.0))
        self._open.labels(name).set(len(flow.life.open))
        self._entities.labels(name).set(len(flow.roster.names))
        self._lag.labels(name).set(-1 if monitor.lag is None else monitor.lag)
        self._waiting.labels(name).set(flow.waiting.n_rows)
        self._ready.labels(name).set(flow.judge.readiness())

    def health(self) -> tuple[bool, str]:
        """Whether rounds go on, and in a line what is amiss.

        A store that refuses is no reason to start the watch anew, as the watch goes on by itself once it is back: that
        is told, and not counted as dead.
        """
        now = self._monitors[0].clock.now()
        stalled = [name for name, at in list(self._round_at.items()) if now - at >= _STALLED_SECONDS]
        if stalled:
            return False, f"no round for a minute: {', '.join(stalled)}"
        held = [m for m in self._monitors if m.hold.is_on]
        return True, "; ".join(f"degraded: {m.source.name}: {m.hold.reason}" for m in held) or "ok"

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
                alive, line = self.health()
                start("200 OK" if alive else "503 Service Unavailable", [("Content-Type", "text/plain")])
                return [f"{line}\n".encode()]
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
