"""Builds the compiled loops where a compiler is and the dashboard where Node is; installs without them too."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "amiss" / "server" / "static" / "manifest.json"
LONGEST_SECONDS = 300


class OptionalBuild(build_ext):
    """A failed compilation is a warning: the NumPy twins then serve."""

    def finalize_options(self) -> None:
        super().finalize_options()
        for extension in self.extensions or []:
            extension.optional = True


class StableWheel(bdist_wheel):
    """The loops use the limited API, so one wheel serves CPython 3.11 and later."""

    def finalize_options(self) -> None:
        self.py_limited_api = "cp311"
        super().finalize_options()


class WithDashboard(build_py):
    """The package's files, with those that Node makes among them."""

    def run(self) -> None:
        build_dashboard()
        super().run()


class SourcesWithDashboard(sdist):
    """A source archive carries the built files, so that no Node is needed where it is installed."""

    def run(self) -> None:
        build_dashboard()
        super().run()


def build_dashboard() -> None:
    """Build what stands in web/, where that is not done and can be; pages work without it."""
    sources = [*WEB.glob("src/*"), *WEB.glob("*.json"), *WEB.glob("*.ts")]
    if not sources or (BUILT.exists() and BUILT.stat().st_mtime >= max(file.stat().st_mtime for file in sources)):
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        print("the dashboard is not built: there is no Node with npm here")
        return
    try:
        for words in (["ci", "--no-progress"], ["run", "build"]):
            subprocess.run([npm, *words], cwd=WEB, check=True, timeout=LONGEST_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"the dashboard is not built: {error}")


setup(
    cffi_modules=["src/amiss/kernels/build_loops.py:ffi"],
    cmdclass={
        "build_ext": OptionalBuild,
        "build_py": WithDashboard,
        "bdist_wheel": StableWheel,
        "sdist": SourcesWithDashboard,
    },
)
