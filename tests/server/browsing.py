"""A browser before a server that listens."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from amiss.server.app import make_app, make_service
from amiss.server.assets import assets
from amiss.server.running import Address, Server
from amiss.store import Store
from amiss.store.watches import WatchRecord
from amiss.stream.clock import WallClock
from tests.server.made import event

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = {
    "/": "Overview", "/queue": "Queue", "/explore": "Explore", "/detectors": "Detectors", "/sources": "Sources",
    "/models": "Models", "/labels": "Labels", "/silences": "Silences and exclusions", "/upload": "Upload",
    "/tokens": "Tokens",
}  # fmt: skip
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or find_spec("playwright") is None or not assets(), reason="needs Chromium and make web"
)


class Site:
    """A server over events, which somebody may look at.

    Attributes
    ----------
    url, token, store, service
        Where it is, who may do all there, what it keeps, what it is made of.
    """

    def __init__(self, url, token, store, service):
        self.url, self.token, self.store, self.service = url, token, store, service

    def put(self, *events):
        with self.store.writing() as writer:
            writer.put_events(list(events))


def lately(i, **changed):
    """An event of the last hours."""
    opened = time.time() - 60.0 - 300.0 * i
    return event(i, **({"opened": opened, "updated": opened + 60, "ended": opened + 60} | changed))


@contextmanager
def served(folder, events):
    """A site, for as long as the block lasts."""
    with Store.open(folder / "amiss.db") as store:
        service = make_service(folder, store, clock=WallClock())
        token, _ = service.access.make("robin", ("admin",), time.time())
        server = Server(make_app(service), Address(port=0))
        site = Site(server.url, token, store, service)
        site.put(*events)
        stop = server.start()
        try:
            yield site
        finally:
            stop()


@contextmanager
def browser():
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@contextmanager
def looking(opened, site, **options):
    """A page that has come in by the link; what its console complains of fails the test."""
    context = opened.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.complaints = []
    page.on("console", lambda said: said.type in ("error", "warning") and page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: (page.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(f"{site.url}/login#{site.token}")
    page.wait_for_url(f"{site.url}/")
    page.wait_for_selector("#live.stands")
    try:
        yield page
    finally:
        context.close()
    assert page.complaints == []


def watch(**changed):
    """How a source is doing."""
    now = time.time()
    told = {"source": "plant", "started": now - 86_400, "seen_at": now, "n_messages": 12, "judge": "band", "n_rows": 12}
    return WatchRecord(**(told | changed))
