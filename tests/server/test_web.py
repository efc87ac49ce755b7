"""The dashboard's sources: they hold together, their pure parts do what they say, and what is sent stays small."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from amiss.server.assets import STATIC, assets

WEB = Path(__file__).parents[2] / "web"
MOST_SECONDS = 180
needs_node = pytest.mark.skipif(
    shutil.which("npm") is None or not (WEB / "node_modules").is_dir(), reason="needs Node and make web"
)
needs_build = pytest.mark.skipif(not assets(), reason="the dashboard is not built")


def run_npm(script):
    """What a script of package.json says, and whether it went well."""
    done = subprocess.run(["npm", "run", script], cwd=WEB, capture_output=True, text=True, timeout=MOST_SECONDS)
    return done.stdout + done.stderr, done.returncode


@needs_node
@pytest.mark.parametrize("script", ["check", "test"])
def test_sources_hold_together_and_pure_parts_do_what_they_say(script):
    said, code = run_npm(script)
    assert code == 0, said


def packed(path):
    return len(gzip.compress(path.read_bytes(), 9))


@needs_build
def test_what_is_sent_stays_small(client):
    (script,), (style,) = STATIC.glob("*.js"), STATIC.glob("*.css")
    assert packed(script) <= 60_000
    assert packed(style) <= 15_000
    page = client.get("/queue").content
    assert packed(script) + packed(style) + len(gzip.compress(page)) <= 90_000


@needs_build
def test_a_page_names_the_built_files_and_they_may_be_kept(client):
    page = client.get("/queue").text
    for address in assets().values():
        assert f'"{address}"' in page
        answer = client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_nothing_runs_or_is_styled_from_within_a_page():
    for file in (Path(STATIC).parent / "templates").glob("*.html"):
        text = file.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), file
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe", text), file
        assert not re.search(r"(src|href)=\"(https?:)?//", text), file


def test_sources_set_text_and_no_markup():
    for file in WEB.glob("src/*.ts"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", file.read_text()
        )


def test_the_lock_names_no_registry():
    assert '"resolved"' not in (WEB / "package-lock.json").read_text()
