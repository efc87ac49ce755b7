"""A picture of growth: a pair of small log-log plots for each detector, all on one scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any, Self

__all__ = ["Growth", "draw"]


@dataclass(frozen=True, slots=True)
class Growth:
    """CPU seconds by number of rows, and by number of columns; None where it would take too long."""

    name: str
    by_rows: dict[int, float | None]
    by_columns: dict[int, float | None]

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"name": self.name, "by_rows": list(self.by_rows.items()), "by_columns": list(self.by_columns.items())}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        return cls(record["name"], dict(record["by_rows"]), dict(record["by_columns"]))


COLUMNS = 4
PLOT_WIDTH, PLOT_HEIGHT, BETWEEN = 112, 88, 12
CELL_WIDTH, CELL_HEIGHT = 2 * PLOT_WIDTH + BETWEEN + 26, PLOT_HEIGHT + 46
LEFT, TOP, BOTTOM = 58, 64, 20
ROWS_COLOUR, COLUMNS_COLOUR, QUIET, GRID, INK = "#1f6feb", "#c2530a", "#d5d9df", "#eceff3", "#24292f"
UNITS = {-6: "1 µs", -5: "10 µs", -4: "0.1 ms", -3: "1 ms", -2: "10 ms", -1: "0.1 s", 0: "1 s", 1: "10 s", 2: "100 s"}


@dataclass(frozen=True, slots=True)
class Plot:
    """A square of paper: where it lies, and the decades it spans."""

    left: float
    top: float
    sizes: tuple[int, int]
    decades: tuple[int, int]

    def at(self, size: int, time: float) -> tuple[float, float]:
        low, high = (log10(s) for s in self.sizes)
        across = (log10(size) - low) / (high - low)
        up = (log10(time) - self.decades[0]) / (self.decades[1] - self.decades[0])
        return self.left + 6 + across * (PLOT_WIDTH - 12), self.top + PLOT_HEIGHT * (1 - up)

    def paper(self) -> Iterator[str]:
        yield f'<rect x="{self.left}" y="{self.top}" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}" fill="#fbfcfd"/>'
        for decade in range(self.decades[0], self.decades[1] + 1):
            _, y = self.at(self.sizes[0], 10.0**decade)
            yield f'<path d="M{self.left} {y:.1f}h{PLOT_WIDTH}" stroke="{GRID}"/>'

    def line(self, times: dict[int, float | None], colour: str, width: float, dots: bool) -> Iterator[str]:
        points = [self.at(size, time) for size, time in times.items() if time is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        for x, y in points if dots else ():
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colour}"/>'

    def sizes_below(self, sizes: list[int]) -> Iterator[str]:
        for size in sizes:
            x, _ = self.at(size, 1.0)
            anchor = "start" if size == self.sizes[0] else "end" if size == self.sizes[1] else "middle"
            yield _text(x, self.top + PLOT_HEIGHT + 12, _short(size), anchor, 9, "#6b7280")


def draw(growths: list[Growth], exponents: dict[str, tuple[float, float]]) -> str:
    """SVG; `exponents` of rows and of columns by name."""
    decades = _decades(growths)
    n_lines = ceil(len(growths) / COLUMNS)
    width, height = LEFT + COLUMNS * CELL_WIDTH, TOP + n_lines * CELL_HEIGHT + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        *_all_lines(growths, decades),
        *_heading(growths[0]),
    ]
    for k, growth in enumerate(growths):
        left, top = LEFT + k % COLUMNS * CELL_WIDTH, TOP + k // COLUMNS * CELL_HEIGHT
        parts += _cell(growth, left, top + 18, decades, exponents[growth.name])
        if k % COLUMNS == 0:
            parts += _scale(left, top + 18, decades)
    return "\n".join([*parts, "</svg>\n"])


def _heading(first: Growth) -> Iterator[str]:
    n, d = list(first.by_rows), list(first.by_columns)
    yield _text(LEFT, 28, "CPU time of fit and score, one thread", "start", 16, INK, "600")
    yield f'<circle cx="{LEFT + 5}" cy="45" r="4" fill="{ROWS_COLOUR}"/>'
    yield _text(LEFT + 15, 49, f"{n[0]:,} to {n[-1]:,} rows of 10 columns", "start", 12, INK)
    yield f'<circle cx="{LEFT + 262}" cy="45" r="4" fill="{COLUMNS_COLOUR}"/>'
    yield _text(LEFT + 272, 49, f"{d[0]} to {d[-1]} columns, 10,000 rows", "start", 12, INK)
    yield f'<path d="M{LEFT + 480} 45h16" stroke="{QUIET}" stroke-width="2"/>'
    yield _text(LEFT + 503, 49, "the other detectors; exponents fitted to the three largest sizes", "start", 12, INK)


def _all_lines(growths: list[Growth], decades: tuple[int, int]) -> Iterator[str]:
    """Every detector's lines, quietly: drawn once, laid under each plot."""
    yield "<defs>"
    for name in ("by_rows", "by_columns"):
        yield f'<g id="{name}">'
        for growth in growths:
            times = getattr(growth, name)
            sizes = list(times)
            yield from Plot(0, 0, (sizes[0], sizes[-1]), decades).line(times, QUIET, 0.7, dots=False)
        yield "</g>"
    yield "</defs>"


def _cell(
    growth: Growth, left: float, top: float, decades: tuple[int, int], exponents: tuple[float, float]
) -> Iterator[str]:
    sides = (("by_rows", ROWS_COLOUR, "n", 0, [1, 10, 100]), ("by_columns", COLUMNS_COLOUR, "d", 1, [2, 10, 100]))
    for name, colour, letter, k, marks in sides:
        times = getattr(growth, name)
        sizes = list(times)
        plot = Plot(left + k * (PLOT_WIDTH + BETWEEN), top, (sizes[0], sizes[-1]), decades)
        yield from plot.paper()
        yield f'<use href="#{name}" x="{plot.left}" y="{plot.top}"/>'
        yield from plot.line(times, colour, 2.0, dots=True)
        yield from plot.sizes_below([mark * 1000 for mark in marks] if name == "by_rows" else marks)
        power = f"{exponents[k]:.2f}".replace("-", "−")
        yield (
            f'<text x="{plot.left + PLOT_WIDTH - 5}" y="{top + PLOT_HEIGHT - 6}" text-anchor="end" font-size="11" '
            f'font-style="italic" fill="{colour}">{letter}'
            f'<tspan dx="1" dy="-4" font-size="9" font-style="normal">{power}</tspan></text>'
        )
    yield _text(left, top - 6, growth.name.replace("_", " "), "start", 11.5, INK, "600")


def _scale(left: float, top: float, decades: tuple[int, int]) -> Iterator[str]:
    for decade in range(decades[0], decades[1] + 1):
        y = top + PLOT_HEIGHT * (decades[1] - decade) / (decades[1] - decades[0])
        yield _text(left - 6, y + 3, UNITS[decade], "end", 9, "#6b7280")


def _decades(growths: list[Growth]) -> tuple[int, int]:
    times = [t for g in growths for t in (*g.by_rows.values(), *g.by_columns.values()) if t is not None]
    return floor(log10(min(times))), ceil(log10(max(times)))


def _short(size: int) -> str:
    return f"{size // 1000}k" if size >= 1000 else str(size)


def _text(x: float, y: float, text: str, anchor: str, size: float, colour: str, weight: str = "400") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}">{text}</text>'
    )
