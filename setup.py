"""Builds the compiled loops where there is a compiler; installs without them where there is none."""

from __future__ import annotations

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext


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


setup(
    cffi_modules=["src/amiss/kernels/build_loops.py:ffi"],
    cmdclass={"build_ext": OptionalBuild, "bdist_wheel": StableWheel},
)
