"""The documentation says what the code does: examples run, pages are current, every name stands in them."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest

import amiss
from amiss.core import errors
from amiss.core.catalog import detector_class, detector_names

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(amiss.__path__, "amiss.")
    if "build_loops" not in info.name and "_loops" not in info.name
)


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples(module):
    if module == "amiss.__main__":
        return
    results = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


@pytest.mark.parametrize(
    "name", [name for kind in ("table", "series", "labels", "deep") for name in detector_names(kind)]
)
def test_every_detector_is_documented(name):
    doc = inspect.getdoc(detector_class(name))
    parameters = detector_class(name)().get_params()
    for part in ("Attributes", "Examples", ">>>", "References", *(["Parameters"] if parameters else [])):
        assert part in doc, part
    assert f"detectors/{name}.md" in text("docs/reference/detectors.md")
    for parameter in parameters:
        assert re.search(rf"^\s*[\w, ]*\b{parameter}\b", doc, re.MULTILINE), parameter


def test_the_generated_pages_are_current():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "make_docs.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_error_is_documented():
    for name in errors.__all__:
        if inspect.isclass(getattr(errors, name)):
            assert f"`{name}`" in text("docs/reference/errors.md")


def test_exported_names():
    doors = ["backtest", "benchmark", "compare", "detect", "drift", "fit", "load", "tune"]
    kinds = ["Backtest", "Benchmark", "Comparison", "Drift", "Model", "Result", "Tuning"]
    assert sorted(amiss.__all__) == sorted([*doors, *kinds, "__version__"])
    for name in amiss.__all__:
        assert getattr(amiss, name) is not None
    with pytest.raises(AttributeError):
        amiss.nothing  # noqa: B018


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", text(page), re.DOTALL)


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/promises.md",
        "docs/drift.md",
        "docs/feedback.md",
        "docs/judging.md",
        "docs/judging-series.md",
        pytest.param(
            "docs/deep.md",
            marks=pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
        ),
        "docs/labels.md",
        "docs/series.md",
        "docs/reasons.md",
        "docs/which-detector.md",
        "docs/from-pyod.md",
        "docs/other-libraries.md",
        "docs/model-file.md",
        "docs/network.md",
        "CONTRIBUTING.md",
    ],
)
def test_python_on_the_pages_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    part = ["--only", "network" if page == "docs/network.md" else "plant"]
    subprocess.run([sys.executable, "-m", "amiss", "demo", "--folder", ".", *part], check=True, capture_output=True)
    # A class from a page must be found by name, as pickle asks.
    page_module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", page_module)
    space = page_module.__dict__
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), space)


@pytest.mark.parametrize("page", ["README.md", "docs/network.md"])
def test_commands_on_the_pages_run(page, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "amiss", "demo", "--folder", "."], check=True, capture_output=True, cwd=tmp_path
    )
    lines = [line for block in blocks(page, "sh") for line in block.splitlines() if line.startswith("amiss ")]
    assert len(lines) >= 5
    for line in lines:
        command = line.partition("#")[0].replace("amiss ", f"{shlex.quote(sys.executable)} -m amiss ", 1)
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, timeout=120)
        assert done.returncode == 0, f"{line}\n{done.stderr.decode()}"


def test_the_recipe_on_the_page_runs(tmp_path):
    page = "docs/which-detector.md"
    subprocess.run(
        [sys.executable, "-m", "amiss", "demo", "--folder", "."], check=True, capture_output=True, cwd=tmp_path
    )
    (recipe,) = blocks(page, "toml")
    (tmp_path / "recipe.toml").write_text(recipe)
    lines = [line for block in blocks(page, "sh") for line in block.splitlines() if "--config recipe.toml" in line]
    assert len(lines) == 2
    for line in lines:
        command = line.partition("#")[0].replace("amiss ", f"{shlex.quote(sys.executable)} -m amiss ", 1)
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, timeout=120)
        assert done.returncode == 0, f"{line}\n{done.stderr.decode()}"
    model = amiss.load(tmp_path / "plant.amiss")
    assert model.detector.n_estimators == 200
    assert model.recipe.false_alarms == "1/day"


def test_the_configuration_on_the_page_of_live_streams_runs(tmp_path):
    page = "docs/live.md"
    subprocess.run(
        [sys.executable, "-m", "amiss", "demo", "--folder", ".", "--only", "plant"],
        check=True, capture_output=True, cwd=tmp_path,
    )  # fmt: skip
    (configuration,) = blocks(page, "toml")
    (tmp_path / "watch.toml").write_text(configuration)
    lines = [line for block in blocks(page, "sh") for line in block.splitlines() if line.startswith("amiss ")]
    assert len(lines) >= 8
    for line in lines:
        command = line.partition("#")[0].replace("amiss ", f"{shlex.quote(sys.executable)} -m amiss ", 1)
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, timeout=120)
        assert done.returncode == 0, f"{line}\n{done.stderr.decode()}"


def test_links_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_two_commands_of_the_readme_are_the_makefile_s():
    assert "make demo" in text("README.md")
    assert "make test" in text("README.md")
    assert "make test" in text(".ci/run")
