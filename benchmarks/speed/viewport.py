"""What a piece of a long series costs: bytes for the screen against the raw series as JSON, and whole way through HTTP.

Run: python benchmarks/speed/viewport.py [N_ROWS ...]     (default: 1,000,000 and 20,000,000 rows of six columns)
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from amiss.server.sets import files
from amiss.server.sets.facts import SetColumn, SetFacts, TrackFacts, write_facts
from amiss.server.sets.files import SavedSet
from amiss.server.sets.record import SetRecord, write_record
from amiss.server.sets.viewport import viewport

COLUMNS, WIDTH, RUNS = 6, 1200, 15
MOST_AS_JSON = 1_000_000
START = 1.7e9
SET_ID = "0123456789abcdef"
SERVER = """
import sys
from fastapi import FastAPI
import uvicorn
from amiss.server.routes.sets import make_router
from amiss.server.sets.library import SetLibrary
app = FastAPI()
app.include_router(make_router(SetLibrary(sys.argv[1]), lambda scope: lambda: None))
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
"""


def make(folder: Path, n_rows: int) -> None:
    """A set as the worker writes it: second by second, one row in a thousand an anomaly."""
    chance = np.random.default_rng(0)
    files.save(folder, "times", START + np.arange(float(n_rows)))
    for k in range(COLUMNS):
        x = np.cumsum(chance.normal(size=n_rows)) if k < 2 else chance.normal(size=n_rows)
        files.save_track(folder, k, x)
    anomalies = np.arange(500, n_rows, 1000)
    files.save_scores(folder, chance.exponential(size=n_rows), None, anomalies)
    names = [f"c{k}" for k in range(COLUMNS)]
    write_facts(folder, SetFacts(
        kind="series", n_rows=n_rows, n_anomalies=len(anomalies), columns=[SetColumn(name, "number") for name in names],
        time_column="time", entities=[], start=START, stop=START + n_rows - 1, timed=True,
        tracks=[TrackFacts(name) for name in names], groups=[], usual={},
    ))  # fmt: skip


def median_cpu(work) -> float:
    spent = []
    for _ in range(RUNS):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return 1e3 * statistics.median(spent)


def as_json(saved: SavedSet) -> bytes:
    """What a server without viewports sends."""
    names = [track.name for track in saved.facts.tracks]
    columns = {name: saved.track(name).lows[0].tolist() for name in names}
    return json.dumps({"time": saved.times.tolist(), **columns}).encode()


def through_http(folder: Path, spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """First answer and median of the others, in milliseconds of the clock, for each span."""
    port = 18_000 + os.getpid() % 1000
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(folder), str(port)])
    try:
        return [_asked(port, *span) for span in spans]
    finally:
        server.terminate()
        server.wait()


def _asked(port: int, start: float, stop: float) -> tuple[float, float]:
    asked = f"/api/sets/{SET_ID}/view?width={WIDTH}&from={start}&to={stop}&" + "&".join(
        f"columns=c{k}" for k in range(COLUMNS)
    )
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for _ in range(200):
        try:
            connection.connect()
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    spent = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        connection.request("GET", asked)
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        spent.append(1e3 * (time.perf_counter() - begun))
    connection.close()
    return spent[0], statistics.median(spent[1:])


def measure(n_rows: int, place: Path) -> None:
    """Print the lines of one set."""
    result = place / SET_ID / "result"
    result.mkdir(parents=True)
    make(result, n_rows)
    write_record(result.parent, SetRecord(id=SET_ID, name="made", created=0.0, state="ready"))
    saved = SavedSet(result)
    names = [track.name for track in saved.facts.tracks]

    def piece(start: float, stop: float) -> bytes:
        return viewport(saved.course(names), names, start=start, stop=stop, width=WIDTH)

    middle = START + 0.4 * n_rows
    spans = [(START, START + n_rows - 1), (middle, middle + 0.1 * n_rows), (middle, middle + 3600)]
    spent = through_http(place, spans)
    for what, span, clock in zip(("all of it", "a tenth", "an hour"), spans, spent, strict=True):
        cpu = median_cpu(partial(piece, *span))
        print(f"| {n_rows:,} | {what} | {cpu:.1f} | {len(piece(*span)):,} | {clock[0]:.1f} | {clock[1]:.1f} |")
    if n_rows <= MOST_AS_JSON:
        begun = time.process_time()
        n_bytes = len(as_json(saved))
        whole = 1e3 * (time.process_time() - begun)
        print(f"| {n_rows:,} | raw, as JSON | {whole:.0f} | {n_bytes:,} | | |")
        print(f"\nraw as JSON / all of it for the screen: {whole / median_cpu(partial(piece, *spans[0])):.0f} times\n")


def main() -> None:
    print("| rows | what | CPU ms | bytes | HTTP first ms | HTTP then ms |\n| --- | --- | --- | --- | --- | --- |")
    for n_rows in [int(word) for word in sys.argv[1:]] or [1_000_000, 20_000_000]:
        with tempfile.TemporaryDirectory() as place:
            measure(n_rows, Path(place))


if __name__ == "__main__":
    main()
