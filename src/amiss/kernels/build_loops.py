"""Binds the C loops: cffi in API mode, limited API. Called by the build, never at run time."""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent
FAMILIES = (
    "cut_forest", "ellipsoid", "forest", "halfspace", "histograms", "neighbors", "netflow", "novelty", "oblique",
    "headers", "packets", "questions", "assembly", "profile", "kinship", "screen", "spheres", "tails",
    "band", "alarm_rate", "stays",
)  # fmt: skip
SHARED = ("portable.h", "bytes.h", "flow_table.h", "random.h", "heap.h", "screen_tile.h")


def _declarations(family: str) -> str:
    text = (HERE / f"{family}.h").read_text(encoding="utf-8")
    return text[text.index("*/") + 2 :]


ffi = FFI()
for family in FAMILIES:
    ffi.cdef(_declarations(family))
ffi.set_source(
    "amiss.kernels._loops",
    "#include <stdint.h>\n" + "".join(f'#include "{family}.h"\n' for family in FAMILIES),
    sources=[f"src/amiss/kernels/{family}.c" for family in FAMILIES],
    include_dirs=["src/amiss/kernels"],
    depends=[f"src/amiss/kernels/{name}" for name in (*SHARED, *(f"{f}.h" for f in FAMILIES))],
    # A fused multiply-add rounds once where the NumPy twin rounds twice; a score must not depend on that.
    extra_compile_args=["-std=c99", "-O3", "-ffp-contract=off", "-Wall", "-Wextra"],
    libraries=["m"],
    py_limited_api=True,
)
