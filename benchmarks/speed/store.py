"""The store: events, history and deliveries a second, and bytes a row, in SQLite and in PostgreSQL.

Run: PYTHONPATH=. python benchmarks/speed/store.py [FOLDER]

Every batch is one transaction that is on the disk of FOLDER (by default that of temporary files) when it ends. Seconds
are those of the clock, so they hold the disk's; CPU seconds are those of this process, without PostgreSQL's own.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from tests.databases import database, postgres

from amiss.core.notification import Notification
from amiss.store import Store
from amiss.store.records import EventRecord, HistoryBatch

T0 = 1_700_000_000.0
N_ENTITIES = 1_000
BODY = {
    "first_row": 1, "last_row": 40, "peak_row": 20, "n_alarms": 17, "start": "2023-11-14T22:13:20Z", "score": 12.5,
    "channels": [{"column": f"channel {i}", "share": 0.25, "kind": "spike", "row": 20, "value": 91.2, "low": 60.0,
                  "high": 70.0} for i in range(4)],
}  # fmt: skip


def events(n: int, first: int) -> list[EventRecord]:
    reason = "temp is 91.2, usually 60 to 70; flow is 3.1, usually 5 to 9"
    return [
        EventRecord(
            id=f"{i:032x}", source="mqtt://plant/#", entity=f"pump-{i % N_ENTITIES}", kind="spike", opened=T0 + i,
            updated=T0 + i + 60, score=12.5, p_value=1e-6, n_alarms=17, fingerprint=f"{i % N_ENTITIES:032x}",
            reason=reason, body=BODY,
        )
        for i in range(first, first + n)
    ]  # fmt: skip


def notifications(n: int, first: int) -> list[Notification]:
    return [
        Notification(id=f"{i:032x}", fingerprint=f"{i:032x}", action="trigger", severity="warning",
                     title="pump-1: spike in temp", reason="temp is 91.2, usually 60 to 70", source="mqtt://plant/#",
                     entity="pump-1", kind="spike", started="2023-11-14T22:13:20Z")
        for i in range(first, first + n)
    ]  # fmt: skip


def batch(n: int, first: int, chance: np.random.Generator) -> HistoryBatch:
    """Rows of 1,000 entities in turn, each once a second, with four channels."""
    i = np.arange(first, first + n)
    return HistoryBatch(
        source="mqtt://plant/#",
        columns=("temp", "flow", "pressure", "current"),
        entities=[f"pump-{entity}" for entity in i % N_ENTITIES],
        times=T0 + i // N_ENTITIES,
        scores=chance.exponential(size=n),
        p_values=chance.uniform(size=n),
        is_anomaly=chance.uniform(size=n) < 1e-3,
        values=chance.normal(size=(n, 4)),
    )


def rate(work: Callable[[], int]) -> tuple[float, float]:
    """Done a second, and a CPU second."""
    wall, cpu = time.perf_counter(), time.process_time()
    n = work()
    return n / (time.perf_counter() - wall), n / (time.process_time() - cpu)


def write_events(store: Store, size: int, first: int, n: int) -> int:
    for start in range(first, first + n, size):
        made = events(size, start)
        with store.writing() as writer:
            writer.put_events(made)
    return n


def write_history(store: Store, size: int, first: int, n: int) -> int:
    chance = np.random.default_rng(0)
    for start in range(first, first + n, size):
        made = batch(size, start, chance)
        with store.writing() as writer:
            writer.put_history(made)
    return n


def deliver(store: Store, n: int) -> int:
    with store.writing() as writer:
        writer.queue(notifications(n, 0), ["mail"], T0)
    while due := store.due_deliveries(T0, limit=100):
        for one in due:
            store.mark_delivered(one.id, T0)
    return n


def roll_up(store: Store) -> int:
    n_rows = len(store.history("mqtt://plant/#", "pump-1")) * N_ENTITIES
    store.roll_up()
    return n_rows


def one_commit(store: Store) -> float:
    """Median milliseconds of the least that can be written: the disk's own share."""
    times = []
    for _ in range(50):
        start = time.perf_counter()
        with store.writing() as writer:
            writer.put_alarm_states({"a": 1})
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def size_of(place: str, table: str) -> int:
    """Bytes of a table with its indexes."""
    if "://" in place:
        import psycopg

        with psycopg.connect(place) as connection:
            connection.execute("SELECT 1")
            found = connection.execute("SELECT pg_total_relation_size(%s)", [table]).fetchone()
            return int(found[0])
    return Path(place).stat().st_size


def measured(place: Callable[[], str]) -> Iterator[tuple[str, str]]:
    with Store.open(place()) as store:
        yield "one commit, ms", f"{one_commit(store):.2f}"
        for size, n in ((100, 10_000), (1_000, 20_000)):
            wall, cpu = rate(lambda size=size, n=n: write_events(store, size, 10**6 * size, n))
            yield f"events / s, in batches of {size:,}", f"{wall:,.0f} (CPU {cpu:,.0f})"
        wall, _ = rate(lambda: write_events(store, 1_000, 10**9, 20_000))
        yield "the same events again / s, in batches of 1,000", f"{wall:,.0f}"
        wall, _ = rate(lambda: deliver(store, 1_000))
        yield "deliveries / s, each marked by itself", f"{wall:,.0f}"
    where = place()
    with Store.open(where) as store:
        first = 0
        for size, n in ((100, 20_000), (1_000, 200_000), (10_000, 400_000)):
            wall, cpu = rate(lambda size=size, n=n, first=first: write_history(store, size, first, n))
            first += n
            yield f"history rows / s, in batches of {size:,}", f"{wall:,.0f} (CPU {cpu:,.0f})"
        store.close()
        yield "bytes of a history row with four channels", f"{size_of(where, 'amiss_history') / first:.0f}"
        wall, _ = rate(lambda: roll_up(store))
        yield "history rows summed up / s", f"{wall:,.0f}"
    where = place()
    with Store.open(where) as store:
        write_events(store, 1_000, 0, 20_000)
        store.close()
        yield "bytes of an event", f"{size_of(where, 'amiss_events') / 20_000:,.0f}"


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=folder) as place, postgres() as server:
        paths = iter(f"{place}/{i}.db" for i in range(9))
        in_files = measured(lambda: next(paths))
        print("| what | SQLite | PostgreSQL |\n| --- | --- | --- |")
        with database(server) as a, database(server) as b, database(server) as c:
            urls = iter((a, b, c))
            for (what, of_file), (_, of_server) in zip(in_files, measured(lambda: next(urls)), strict=True):
                print(f"| {what} | {of_file} | {of_server} |", flush=True)


if __name__ == "__main__":
    main()
