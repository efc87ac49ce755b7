"""Names that try to run in whoever looks at them: nothing runs, in any view."""

from __future__ import annotations

import time

import pytest

from amiss.store.records import DeadLetter
from tests.server.browsing import VIEWS, browser, lately, looking, needs_browser, served, watch
from tests.server.test_browser import bring, table_file

pytestmark = [needs_browser, pytest.mark.browser]
ACT = "window.ran=1"
TAGS = ("img src=x onerror", "svg onload", "video src=x onerror", "audio src=x onerror", "body onload",
        "input autofocus onfocus", "details open ontoggle", "iframe onload", "select autofocus onfocus",
        "marquee onstart")  # fmt: skip
BREAKS = ("", '">', "'>", "</script>", "</title>", "</textarea>", "-->", "]]>", "</td></tr></table>", "`>")
PAYLOADS = [f"{out}<{tag}={ACT}>" for tag in TAGS for out in BREAKS] + [
    f"<script>{ACT}</script>", f"javascript:{ACT}", f'" onmouseover="{ACT}', f"' autofocus onfocus='{ACT}",
    "{{ 7*7 }}${window.ran=1}", f"<a href=\"javascript:{ACT}\">x</a>", f"<style>*{{background:url({ACT})}}</style>",
    "<base href=//evil.test><script src=x.js></script>", f"\\u003cscript\\u003e{ACT}\\u003c/script\\u003e",
    f"data:text/html,<script>{ACT}</script>", f"<math><mi xlink:href='javascript:{ACT}'>", "__proto__", "constructor",
]  # fmt: skip


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


def hostile(k):
    """An event all of whose names are one payload."""
    name = PAYLOADS[k]
    return lately(
        k, id=f"event-{k}", source=name, entity=name, kind=name, reason=name, fingerprint=f"f-{k}",
        body={"values": {name: name}, "usual": {name: name}},
    )  # fmt: skip


def fill_store(site):
    with site.store.writing() as writer:
        writer.put_watch(watch(source=PAYLOADS[0], judge=PAYLOADS[1], asked=PAYLOADS[2], notes=tuple(PAYLOADS[:30])))
        writer.put_dead_letters(
            [DeadLetter(at=time.time(), source=name, reason=name, body=name.encode()) for name in PAYLOADS]
        )
    site.service.hub.catch_up()
    for k, name in enumerate(PAYLOADS):
        site.service.triage.label(f"event-{k}", "unsure" if k % 2 else "not_now", author=name, reason=name)
    for name in PAYLOADS[:20]:
        site.service.access.make(name, ("read",), time.time())
        site.store.add_model(name, path="x", digest="d" * 64, now=time.time(), note=name, state="champion")


def test_no_name_runs_in_any_view(chromium, tmp_path):
    assert len(set(PAYLOADS)) >= 100
    with served(tmp_path, [hostile(k) for k in range(len(PAYLOADS))]) as site, looking(chromium, site) as page:
        page.goto(f"{site.url}/queue")
        page.wait_for_selector("article .says")
        for _ in range(49):
            page.keyboard.press("j")
        assert page.evaluate("window.ran") is None
        fill_store(site)
        for address in VIEWS:
            page.goto(site.url + address)
            page.wait_for_selector("#live.stands")
            page.wait_for_timeout(400)
            assert page.evaluate("window.ran") is None, address
        for k in range(len(PAYLOADS)):
            page.goto(f"{site.url}/events/event-{k}", wait_until="domcontentloaded")
            page.wait_for_selector("article .says")
            assert page.evaluate("window.ran") is None, PAYLOADS[k]
            assert page.locator("article .says").text_content() == PAYLOADS[k]


def test_no_name_in_a_file_runs(chromium, tmp_path):
    names = [name for name in PAYLOADS if not set(name) & set(',"')]
    with served(tmp_path, []) as site, looking(chromium, site) as page:
        for part in (names[0], names[40]):
            bring(page, site, table_file(tmp_path, columns=f"time,{part},{part}2"))
            page.click("section:has(h2:text('Rows')) tbody a >> nth=0")
            page.wait_for_selector("section.row svg")
            assert page.evaluate("window.ran") is None
            page.goto(f"{site.url}/detectors")
            page.wait_for_selector("#live.stands")
            assert page.evaluate("window.ran") is None


def test_pages_write_names_as_text(app, client, service, store):
    with store.writing() as writer:
        writer.put_events([hostile(k) for k in range(len(PAYLOADS))])
    for address in ("/", "/queue", *(f"/events/event-{k}" for k in range(0, len(PAYLOADS), 5))):
        text = client.get(address).text
        for name in PAYLOADS:
            if "<" in name:
                assert name not in text
