"""What a person waits for in the dashboard, in a real browser: a verdict's next event, a picture and its zoom.

python benchmarks/speed/dashboard.py [--events N] [--rows N]; needs `make web`, Playwright and Chromium. Times of the
clock, the whole way through the server, on loopback.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from amiss.server.app import make_app, make_service
from amiss.server.running import Address, Server
from amiss.server.shield import Limits
from amiss.store import Store
from amiss.store.records import EventRecord, HistoryBatch
from amiss.stream.clock import WallClock

NEXT = """() => new Promise((done) => {
  const shown = document.querySelector("article.detail"), before = shown.dataset.id, start = performance.now();
  const watcher = new MutationObserver(() => {
    if (shown.dataset.id === before || !shown.querySelector(".says")) return;
    watcher.disconnect();
    requestAnimationFrame(() => done(performance.now() - start));
  });
  watcher.observe(shown, {childList: true, attributes: true});
  document.dispatchEvent(new KeyboardEvent("keydown", {key: "n", bubbles: true}));
})"""
"""Milliseconds from a key press to the next event on the screen."""
WATCH = """() => {
  window.views = [];
  const send = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await send(...asked);
    if (String(asked[0]).includes("/view?")) answer.clone().arrayBuffer().then(() =>
      requestAnimationFrame(() => requestAnimationFrame(() => window.views.push(performance.now()))));
    return answer;
  };
}"""
"""Notes when a view has come and two frames have been drawn since."""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=10_000)
    asked.add_argument("--rows", type=int, default=1_000_000)
    given = asked.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        site(Path(folder), given.events, given.rows) as (url, token),
        page_of(url, token) as page,
    ):
        page.goto(f"{url}/queue")
        page.wait_for_selector("article .says")
        waits = []
        for _ in range(40):
            waits.append(page.evaluate(NEXT))
            page.wait_for_timeout(150)
        shown = f"{np.quantile(waits, 0.95):.0f} ms (asked: p95 < 100)"
        print(f"{given.events:,} events, key to next: median {np.median(waits):.0f} ms, p95 {shown}")
        first, zooms = pictures(page, url)
        print(f"{given.rows:,} rows, first draw: {', '.join(f'{ms:.0f}' for ms in first)} ms (asked < 300)")
        print(f"{given.rows:,} rows, zoom: median {np.median(zooms):.0f} ms, most {max(zooms):.0f} ms (asked < 100)")


def pictures(page: Any, url: str) -> tuple[list[float], list[float]]:
    """Milliseconds of first draws from the start of navigation, and of zooms from the turn of the wheel."""
    page.add_init_script(f"({WATCH})()")
    first, zooms = [], []
    for _ in range(4):
        page.goto(f"{url}/explore/live-1")
        come(page)
        first.append(page.evaluate("window.views[0]"))
    page.wait_for_timeout(1_000)
    box = page.locator(".u-over").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(12):
        page.evaluate("window.views.length = 0; addEventListener('wheel', () => window.turned = performance.now(),"
                      " {capture: true, once: true})")  # fmt: skip
        page.mouse.wheel(0, -240)
        come(page)
        zooms.append(page.evaluate("window.views[0] - window.turned"))
        page.wait_for_timeout(400)
    return first[1:], zooms


def come(page: Any) -> None:
    """Wait until a view has been drawn; the page's own policy lets no other text be evaluated in it."""
    until = time.monotonic() + 30
    while not page.evaluate("window.views.length"):
        assert time.monotonic() < until
        time.sleep(0.01)


@contextmanager
def site(folder: Path, n_events: int, n_rows: int) -> Iterator[tuple[str, str]]:
    """A server over so many events and a live series of so many rows."""
    now = time.time()
    random = np.random.default_rng(0)
    with Store.open(folder / "amiss.db") as store:
        with store.writing() as writer:
            writer.put_events(made(i, now, random) for i in range(n_events))
            times = now - np.arange(n_rows, 0, -1) * 2.0
            writer.put_history(HistoryBatch(
                source="plant", columns=("flow", "heat", "load"), entities=["P1"] * n_rows, times=times,
                scores=random.random(n_rows), p_values=random.random(n_rows), is_anomaly=random.random(n_rows) < 1e-4,
                values=random.normal(size=(n_rows, 3)).cumsum(axis=0),
            ))  # fmt: skip
        store.roll_up()
        limits = Limits(requests_a_second=1e6, burst=1e6)
        service = make_service(folder, store, clock=WallClock(), limits=limits)
        service.live.warm()
        token, _ = service.access.make("bench", ("admin",), now)
        server = Server(make_app(service), Address(port=0), service.hub.close)
        stop = server.start()
        try:
            yield server.url, token
        finally:
            stop()


def made(i: int, now: float, random: np.random.Generator) -> EventRecord:
    opened, column = now - 60.0 - 30.0 * i, f"column-{random.integers(12)}"
    return EventRecord(
        id=f"e{i}", source="plant", entity=f"pump-{random.integers(300)}", kind="anomaly", opened=opened,
        updated=opened + 20, ended=opened + 20, state="resolved", p_value=10 ** -random.uniform(3, 12), score=5.0,
        reason=f"{column} is 9.1, usually 1 to 2", fingerprint="f",
        body={"values": {column: 9.1}, "usual": {column: "1 to 2"}},
    )  # fmt: skip


@contextmanager
def page_of(url: str, token: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = opened.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{url}/login#{token}")
        page.wait_for_url(f"{url}/")
        yield page
        opened.close()


if __name__ == "__main__":
    main()
