"""Sets that are ready, and a server of them."""

from __future__ import annotations

import io

import pytest
from fastapi.testclient import TestClient

from amiss.server.routes import detectors, score, sets
from amiss.server.sets.backtest import Backtests
from amiss.server.sets.library import SetLibrary
from amiss.server.sets.live import LiveSets
from amiss.server.sets.record import SetOptions
from amiss.server.sets.scoring import Scorer
from amiss.store import Store
from tests.server.sets.made import T0, bare_app, csv, series, table, until_done
from tests.store.made import batch


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """A library with a table, two series and a network, all of them ready: their ids by name."""
    folder = tmp_path_factory.mktemp("sets")
    with SetLibrary(folder / "sets", clock=lambda: float(T0)) as library:
        found = {
            "table": library.add(io.BytesIO(csv(table())), "table.csv", SetOptions(false_alarms="1%")).id,
            "series": library.add(io.BytesIO(csv(series())), "pumps.csv").id,
            "network": library.add(io.BytesIO(_conn_log()), "conn.log").id,
        }
        until_done(library, *found.values())
        yield library, found


def _conn_log() -> bytes:
    """A day of Zeek's log in which one host tries very many ports of another."""
    import random

    chance = random.Random(0)
    names = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state"
    kinds = "time string addr port addr port enum string interval count count string"
    lines = [
        "#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn",
        "#fields\t" + names.replace(" ", "\t"), "#types\t" + kinds.replace(" ", "\t"),
    ]  # fmt: skip
    rows: list[tuple] = []
    for i in range(600):
        ends = f"10.0.0.{chance.randint(2, 20)}", 40_000 + i, f"93.184.216.{chance.randint(1, 9)}", 443
        sizes = chance.randint(500, 2000), chance.randint(2000, 9000)
        rows.append((T0 + i * 40 + chance.random(), f"C{i}", *ends, "tcp", "ssl", 1.5 + chance.random(), *sizes, "SF"))
    for port in range(1, 400):
        ends = "10.0.0.66", 50_000 + port, "10.0.0.3", port
        rows.append((T0 + 9000 + port * 0.05, f"S{port}", *ends, "tcp", "-", 0.001, 0, 0, "REJ"))
    lines += ["\t".join(map(str, row)) for row in sorted(rows)]
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "amiss.db") as opened:
        with opened.writing() as writer:
            writer.put_history(batch(6000, first=float(T0)))
        opened.roll_up()
        yield opened


@pytest.fixture
def asks(shelf, store):
    """Whoever may do all; the bytes of the answers are those of the routes alone."""
    library, _ = shelf
    app = bare_app()

    def guard(scope):
        return lambda: None

    app.include_router(sets.make_router(library, guard, store=store, live=LiveSets(store)))
    app.include_router(detectors.make_router(Backtests(store, library, lambda: T0 + 7000.0), guard))
    app.include_router(score.make_router(Scorer(store), guard))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
