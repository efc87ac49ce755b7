"""Files as people bring them, and a reader of what is sent to the screen."""

from __future__ import annotations

import io
import struct
import time

import numpy as np
import polars as pl
from fastapi import FastAPI

from amiss.server.answers import answer
from amiss.server.problems import word_problems

T0 = 1_767_225_600


def bare_app() -> FastAPI:
    """An application that words errors, and has nothing else."""
    app = FastAPI()
    word_problems(app, lambda request, told: answer(told, status=told["error"]["status"]))
    return app


def csv(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_csv(out)
    return out.getvalue()


def table(n: int = 600) -> pl.DataFrame:
    chance = np.random.default_rng(0)
    flow = chance.normal(10, 1, n)
    flow[7] = 40.0
    notes = ["=cmd|' /C calc'!A0", "+1+1", "-7", "@SUM(A1)", "\tx", "plain"]
    return pl.DataFrame(
        {
            "note": [notes[i % len(notes)] if i < 30 else f"note {i}" for i in range(n)],
            "flow": flow,
            "temp": chance.normal(50, 3, n),
            "mode": chance.choice(["auto", "hand"], n, p=[0.9, 0.1]),
        }
    )


def series(n: int = 3000, entities: tuple[str, ...] = ("p1", "p2")) -> pl.DataFrame:
    """Two pumps, row by row in turn; in the flow of the second something goes wrong for ten minutes."""
    chance = np.random.default_rng(1)
    parts = []
    for k, entity in enumerate(entities):
        seconds = T0 + 60 * np.arange(n)
        flow = 10 + 3 * np.sin(seconds / 86_400 * 2 * np.pi) + chance.normal(0, 0.2, n)
        if k == len(entities) - 1:
            flow[2000:2010] += 6
        parts.append(
            pl.DataFrame(
                {
                    "time": pl.Series(seconds * 1_000_000).cast(pl.Datetime("us")),
                    "pump": [entity] * n,
                    "flow": flow,
                    "temp": 50 + chance.normal(0, 0.5, n),
                }
            )
        )
    return pl.concat(parts).sort("time", maintain_order=True)


def until_done(library, *ids: str, seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while any(library.get(each).state in ("waiting", "working") for each in ids):
        assert time.monotonic() < end, "the detection does not end"
        time.sleep(0.02)


def seen(data: bytes, names: list[str]) -> dict:
    """What the dashboard reads from the bytes of a viewport."""
    magic, n_columns, n_points, flags, start, stop, step = struct.unpack_from("<4sIIIddd", data)
    assert (magic, n_columns) == (b"AMV1", len(names))
    raw, banded, at = bool(flags & 1), bool(flags & 2), 40
    found = {"n": n_points, "raw": raw, "banded": banded, "from": start, "to": stop, "step": step}

    def take(kind: str) -> np.ndarray:
        nonlocal at
        values = np.frombuffer(data, kind, n_points, at)
        at += values.nbytes
        return values

    if raw:
        found["times"] = take("<f8")
    for name in names:
        (base,) = struct.unpack_from("<d", data, at)
        at += 8
        parts = ["value"] if raw else ["min", "max", "first", "last"]
        found[name] = {part: base + take("<f4").astype(float) for part in [*parts, *["low", "high"] * banded]}
    found["score"], found["n_anomalies"] = take("<f4"), take("<u4")
    assert at == len(data)
    return found
