"""Threads, processes and killed processes on one store."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time

import pytest

from amiss.core.errors import StoreError
from amiss.store import Store
from amiss.store.database import Database
from tests.store.made import T0, event, notification

WRITE = """
import random, sys
from amiss.store import Store
from tests.store.made import T0, batch, event, notification
place, who, first, n, order = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
with Store.open(place, wait_seconds=30) as store:
    print("open", flush=True)
    for turn in range(first, first + n):
        events = [event(i, id=f"{who}-{turn}-{i}", n_alarms=turn) for i in range(20)]
        with store.writing() as writer:
            writer.put_events(events[::order])
            writer.put_alarm_states({f"{who}-{i}": {"turn": turn} for i in range(20)})
            writer.queue([notification(i, id=f"{who}-{turn}-{i}") for i in range(20)][::order], ["mail"], T0)
            writer.put_history(batch(20, first=T0 + 100 * turn, source=who, entities=(None,)))
        print(turn, flush=True)
"""


def start(place, who, first, n, order=1):
    words = [sys.executable, "-c", WRITE, place, who, str(first), str(n), str(order)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def turns(store, who):
    """The transactions of which anything is kept; each must be there as a whole."""
    by_turn = {}
    for one in store.events(limit=1_000_000):
        name, turn, _ = one.id.rsplit("-", 2)
        if name == who:
            by_turn.setdefault(int(turn), []).append(one)
    assert all(len(events) == 20 for events in by_turn.values())
    queued = {d.id.removesuffix("@mail") for d in store.deliveries(limit=1_000_000) if d.id.startswith(f"{who}-")}
    assert queued == {e.id for events in by_turn.values() for e in events}
    states = {state["turn"] for name, state in store.alarm_states().items() if name.startswith(f"{who}-")}
    assert states == ({max(by_turn)} if by_turn else set())
    assert len(store.history(who)) == 20 * len(by_turn)
    return set(by_turn)


def test_a_killed_process_leaves_whole_transactions_and_all_that_it_reported(place):
    chance = random.Random(4)
    Store.open(place).close()
    reported = set()
    for kill in range(5):
        process = start(place, "killed", 10_000 * kill, 10_000)
        assert process.stdout.readline() == "open\n"
        lines = [process.stdout.readline() for _ in range(chance.randrange(1, 9))]
        time.sleep(chance.uniform(0, 0.02))
        process.kill()
        lines += process.communicate(timeout=60)[0].splitlines(keepends=True)
        reported |= {int(line) for line in lines if line.endswith("\n")}
        with Store.open(place) as store:
            there = turns(store, "killed")
            assert reported <= there
            # The last commit may have come through before its line did.
            assert len(there - reported) <= kill + 1
    assert len(reported) >= 5


def test_two_processes_write_the_same_rows_in_opposite_orders(place):
    processes = [start(place, "same", 0, 30, order) for order in (1, -1)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        assert out.split() == ["open", *map(str, range(30))]
    with Store.open(place) as store:
        assert turns(store, "same") == set(range(30))
        assert len(store.deliveries(limit=10_000)) == 600


def test_two_processes_make_the_same_store_at_once(place):
    processes = [start(place, f"p{i}", 0, 1) for i in range(3)]
    for process in processes:
        assert process.communicate(timeout=60)[1] == ""
        assert process.returncode == 0
    with Store.open(place) as store:
        assert len(store.events()) == 60


def test_a_writer_an_outbox_and_a_reader_in_threads(store):
    n_turns, wrong = 40, []
    done = threading.Event()

    def deliver():
        n_delivered = 0
        while n_delivered < 3 * n_turns:
            for due in store.due_deliveries(T0, limit=10):
                n_delivered += store.mark_delivered(due.id, T0)

    def read():
        while not done.is_set():
            if len(store.events(limit=10_000)) % 3:
                wrong.append("a part of a transaction was read")

    def guarded(work):
        try:
            work()
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in (deliver, read)]
    for thread in threads:
        thread.start()
    for turn in range(n_turns):
        with store.writing() as writer:
            writer.put_events(event(3 * turn + i) for i in range(3))
            writer.queue((notification(3 * turn + i) for i in range(3)), ["mail"], T0)
    threads[0].join(30)
    done.set()
    threads[1].join(30)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)
    assert len(store.deliveries(state="delivered", limit=1000)) == 3 * n_turns


def test_a_store_that_is_locked_says_so_in_time_and_can_be_read(place):
    with Store.open(place, wait_seconds=0.2) as store:
        with store.writing() as writer:
            writer.put_events([event()])
        other = Database(place, 5)
        with other.writing():
            began = time.monotonic()
            with pytest.raises(StoreError, match="another process writes to it"):
                store.acknowledge("event-0", "kim", T0)
            assert 0.15 < time.monotonic() - began < 8
            assert len(store.events()) == 1
        other.close()
        assert store.acknowledge("event-0", "kim", T0)


def test_a_block_inside_a_block_says_so_in_time(place):
    with Store.open(place, wait_seconds=0.1) as store:
        with store.writing(), pytest.raises(StoreError, match="block"):
            store.acknowledge("event-0", "kim", T0)
        with store.writing() as writer:
            writer.put_events([event()])


def test_a_server_that_ends_a_connection_costs_one_transaction(server):
    import psycopg

    from tests.databases import database

    with database(server) as url, Store.open(url) as store:
        end_all = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s"
        )

        def end():
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(end_all, [url.rpartition("/")[2]])

        def write():
            with store.writing() as writer:
                writer.put_events([event(1)])
                end()
                writer.put_events([event(2)])

        with pytest.raises(StoreError, match="cannot be written"):
            write()
        assert not store.events()
        end()
        with store.writing() as writer:
            writer.put_events([event(3)])
        end()
        assert [e.id for e in store.events()] == ["event-3"]
