"""The dashboard in a browser: every view, by keys alone, live, in both lights and at three widths."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tests.server.browsing import AXE, VIEWS, browser, lately, looking, needs_browser, served, watch

pytestmark = [needs_browser, pytest.mark.browser]
PATIENCE = 15_000


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture
def site(tmp_path):
    with served(tmp_path, [lately(i) for i in range(120)]) as made:
        with made.store.writing() as writer:
            writer.put_watch(watch(notes=("slow",)))
        yield made


def table_file(folder, columns="time,heat,flow", n=1200):
    rng = np.random.default_rng(1)
    heat, flow = rng.normal(20, 1, n), rng.normal(5, 1, n)
    heat[700] = 60
    rows = (f"{1_790_000_000 + 60 * k},{heat[k]:.3f},{flow[k]:.3f}" for k in range(n))
    file = folder / "plant.csv"
    file.write_text(columns + "\n" + "\n".join(rows) + "\n")
    return file


def bring(page, site, file):
    """A file, brought by the form, and the page of its set."""
    page.goto(f"{site.url}/upload")
    page.wait_for_selector("#live.stands")
    page.set_input_files("input[type=file]", file)
    page.click("button.main")
    page.wait_for_url("**/explore/*", timeout=120_000)
    page.wait_for_selector(".uplot")


def test_every_view_opens_and_back_and_forward_lead_through_them(chromium, site):
    with looking(chromium, site) as page:
        for path, title in VIEWS.items():
            page.click(f'nav a[href="{path}"]')
            page.wait_for_selector("#live.stands")
            assert page.locator("h1").first.text_content() == title
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for path in [*VIEWS][-2::-1]:
            page.go_back()
            page.wait_for_url(site.url + path)
            page.wait_for_selector("#live.stands")
        page.go_forward()
        page.wait_for_url(f"{site.url}/queue")


def test_an_address_without_a_page_is_told_in_one(chromium, site):
    with looking(chromium, site) as page:
        page.goto(f"{site.url}/events/none")
        assert page.locator("h1").text_content() == "there is no event 'none'"
        page.complaints.clear()


def test_a_hundred_events_are_judged_by_keys_alone(chromium, site):
    with looking(chromium, site) as page:
        page.goto(f"{site.url}/queue")
        page.wait_for_selector("article .says")
        seen = []
        for k in range(100):
            seen.append(page.get_attribute("article.detail", "data-id"))
            page.keyboard.press("anus"[k % 4])
            page.wait_for_function("(id) => document.querySelector('article.detail').dataset.id !== id", arg=seen[-1])
            if k % 10 == 9:
                page.wait_for_timeout(600)
        page.wait_for_timeout(1_000)
        assert len(set(seen)) == 100
        kept = site.store.labels()
        assert len(kept) == 100
        assert {each.verdict for each in kept} == {"anomaly", "normal", "unsure", "not_now"}
        assert site.service.triage.state()["n_judged"] == 100
        page.keyboard.press("z")
        page.wait_for_selector("text=Taken back")
        assert len(site.store.labels()) == 101


def test_the_keys_move_search_explain_and_show_themselves(chromium, site):
    with looking(chromium, site) as page:
        page.goto(f"{site.url}/queue")
        page.wait_for_selector("article .says")
        first = page.get_attribute("article.detail", "data-id")
        page.keyboard.press("j")
        assert page.get_attribute("article.detail", "data-id") != first
        page.keyboard.press("k")
        assert page.get_attribute("article.detail", "data-id") == first
        page.keyboard.press("e")
        assert page.locator("details.why[open]").count() == 1
        page.keyboard.press("?")
        assert page.locator("dialog[open]").count() == 1
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.type("pump-3 stuck")
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelectorAll('.list [data-id]').length < 20")
        assert "search=pump-3" in page.url
        assert all("pump-3" in text for text in page.locator(".list .where").all_text_contents())
        page.go_back()
        page.wait_for_function("() => document.querySelectorAll('.list [data-id]').length >= 50")


def test_what_happens_is_shown_as_it_happens(chromium, site):
    with looking(chromium, site) as page:
        page.goto(f"{site.url}/queue")
        page.wait_for_selector("#live.stands")
        now = time.time()
        site.put(lately(900, entity="fresh-one", opened=now, updated=now, ended=None, state="firing", p_value=1e-40))
        page.wait_for_selector("text=fresh-one", timeout=PATIENCE)
        page.goto(f"{site.url}/")
        page.wait_for_selector("#live.stands")
        before = page.locator(".tile b").nth(1).text_content()
        site.put(lately(901, entity="fresh-two", opened=now, updated=time.time(), ended=None, state="firing"))
        page.wait_for_function("(n) => document.querySelectorAll('.tile b')[1].textContent !== n", arg=before)


def test_an_event_is_taken_on_and_silenced(chromium, site):
    with looking(chromium, site) as page:
        page.goto(f"{site.url}/events/event-3")
        page.click("text=Acknowledge")
        page.wait_for_selector("text=Taken on by robin")
        page.click("text=Silence…")
        page.wait_for_selector("text=would hide")
        assert page.input_value("[name=entity]") == "pump-3"
        page.fill("[name=reason]", "our own scanner")
        page.select_option("[name=hours]", label="ever (exclusion)")
        page.click("button.main")
        page.wait_for_selector("td:has-text('our own scanner')")
        (kept,) = site.store.silences()
        assert kept.entity == "pump-3"
        page.click("td button:text('End')")
        page.wait_for_selector("td:text('over')")


def test_a_threshold_is_dragged(chromium, site, tmp_path):
    with looking(chromium, site) as page:
        bring(page, site, table_file(tmp_path))
        page.goto(f"{site.url}/detectors")
        slider = page.locator("input[type=range]").first
        slider.wait_for()
        slider.focus()
        page.keyboard.press("End")
        page.wait_for_selector("text=would go")
        page.keyboard.press("Home")
        page.wait_for_selector("text=would come")


def test_a_token_is_made_and_revoked(chromium, site):
    with looking(chromium, site) as page:
        page.goto(f"{site.url}/tokens")
        page.fill("[name=name]", "cron")
        page.click("button.main")
        made = page.wait_for_selector(".made pre").text_content()
        assert site.service.access.by_token(made, time.time()) is not None
        page.click("[aria-label='Revoke cron']")
        page.wait_for_selector("[aria-label='Revoke cron']", state="detached")


def test_a_file_is_brought_looked_at_and_labelled(chromium, site, tmp_path):
    with looking(chromium, site) as page:
        bring(page, site, table_file(tmp_path))
        whole = page.url
        page.click("[aria-label=Narrower]")
        page.wait_for_function("(url) => location.href !== url", arg=whole)
        page.click("text=Label a span")
        box = page.locator(".u-over").first.bounding_box()
        page.mouse.move(box["x"] + 100, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 20, steps=4)
        page.mouse.up()
        page.click(".brush button:has-text('Normal')")
        page.wait_for_selector("text=Said: normal")
        (label,) = site.store.labels()
        assert label.starts < label.ends
        page.click("section:has(h2:text('Rows')) tbody a >> nth=0")
        page.wait_for_selector("section.row svg")
        assert "row=" in page.url
        page.go_back()
        page.wait_for_selector("section.row", state="detached")


def test_the_pages_can_be_used_without_a_script(chromium, site):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/login")
    page.fill("[name=token]", site.token)
    page.click("button.main")
    page.wait_for_url(f"{site.url}/")
    page.goto(f"{site.url}/queue")
    page.click("button[value=anomaly] >> nth=0")
    page.wait_for_selector("text=1 judged")
    assert [each.verdict for each in site.store.labels()] == ["anomaly"]
    page.click("text=Undo the last verdict")
    page.wait_for_selector("text=0 judged")
    assert len(site.store.labels()) == 2
    page.click("text=Log out")
    page.wait_for_url(f"{site.url}/login")
    context.close()


def test_each_key_brings_another_of_ten_thousand_events(chromium, tmp_path):
    with served(tmp_path, [lately(i, opened=time.time() - 30.0 * (i + 1)) for i in range(10_000)]) as site:
        with looking(chromium, site) as page:
            page.goto(f"{site.url}/queue")
            page.wait_for_selector("article .says")
            shown = []
            for _ in range(10):
                shown.append(page.locator("article.detail").get_attribute("data-id"))
                page.keyboard.press("n")
                page.wait_for_selector(f"article.detail:not([data-id='{shown[-1]}'])")
            page.goto(f"{site.url}/labels")
        assert len(set(shown)) == 10
        # The last press may not have been sent when the page was left.
        said = [label.verdict for label in site.store.labels()]
        assert said in (["normal"] * 9, ["normal"] * 10)


@pytest.mark.skipif(not AXE.exists(), reason="needs the packages of web/")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(chromium, site, tmp_path, scheme):
    axe, found = AXE.read_text(), []
    with looking(chromium, site, color_scheme=scheme) as page:
        bring(page, site, table_file(tmp_path))
        addresses = [*VIEWS, "/events/event-3", page.url.removeprefix(site.url).partition("?")[0] + "?row=700"]
        for address in addresses:
            page.goto(site.url + address)
            page.wait_for_selector("#live.stands")
            page.wait_for_timeout(300)
            page.evaluate(axe)
            for width in (360, 1280, 1920):
                page.set_viewport_size({"width": width, "height": 900})
                page.wait_for_timeout(150)
                told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
                found += [
                    (address, width, each["id"], each["nodes"][0]["html"][:120])
                    for each in told["violations"]
                    if each["impact"] in ("serious", "critical")
                ]
                if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                    found.append((address, width, "wider than the window", ""))
    assert found == []


def test_a_page_that_is_left_open_does_not_grow(chromium, site):
    with looking(chromium, site) as page:
        page.goto(f"{site.url}/queue")
        page.wait_for_selector("#live.stands")
        devtools = page.context.new_cdp_session(page)

        def used():
            devtools.send("HeapProfiler.collectGarbage")
            return devtools.send("Runtime.getHeapUsage")["usedSize"]

        def flood(n, since):
            """Changes, told to everybody who listens, as fast as they can be drawn."""
            for k in range(since, since + n):
                now = time.time()
                site.put(*(lately(j, updated=now, reason=f"turn {k}", state="firing", ended=None) for j in range(40)))
                page.wait_for_selector(f"text=turn {k}", timeout=PATIENCE)

        flood(5, 0)
        before = used()
        flood(25, 5)
        assert used() < 1.1 * before + 200_000
