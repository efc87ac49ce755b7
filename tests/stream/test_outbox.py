"""The postman: at least once, in order, each channel by itself, and never for ever."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace

import pytest

from amiss.core.errors import StoreError, TerminalError, TransientError
from amiss.core.notification import Notification
from amiss.stream.outbox import Pauses, Postman
from tests.io.alarms.receivers import Answer, WebService, news, serving, until
from tests.servers import free_port


class Hurried:
    """A clock that runs ahead when somebody waits and nothing happens."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now(self) -> float:
        return self.seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not event.wait(0.002):
            self.seconds += seconds
        return event.is_set()


@dataclass
class Waiting:
    """As the store's record."""

    id: str
    sink: str
    notification: Notification
    due_at: float
    created: float
    n_tries: int = 0
    state: str = "waiting"
    last_error: str = ""


class Box:
    """An outbox in memory, by the same rules as the store's; it can be made to fail."""

    def __init__(self, clock) -> None:
        self.rows: dict[str, Waiting] = {}
        self.tries: dict[str, list[float]] = defaultdict(list)
        self.failures = 0
        self._clock = clock

    def queue(self, sink: str, *told: Notification) -> None:
        for one in told:
            now = self._clock.now()
            self.rows[f"{one.id}@{sink}"] = Waiting(f"{one.id}@{sink}", sink, one, now, now)

    def due_deliveries(self, now: float, limit: int) -> list[Waiting]:
        found, seen = [], set()
        for row in list(self.rows.values()):
            key = (row.sink, row.notification.fingerprint)
            if row.state == "waiting" and key not in seen:
                seen.add(key)
                if row.due_at <= now:
                    found.append(replace(row))
        return found[:limit]

    def _fails(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")

    def mark_delivered(self, delivery_id: str, now: float) -> None:
        self._fails()
        self.rows[delivery_id].state = "delivered"

    def mark_failed(self, delivery_id: str, reason: str, due_at: float | None) -> None:
        self._fails()
        row = self.rows[delivery_id]
        row.n_tries, row.last_error = row.n_tries + 1, reason
        self.tries[delivery_id].append(self._clock.now())
        if due_at is None:
            row.state = "dead"
        else:
            row.due_at = due_at

    def states(self) -> Counter:
        return Counter(row.state for row in self.rows.values())


class Sink:
    """Does what the test says with the next notifications, and takes all others."""

    def __init__(self, name: str, *, does=()) -> None:
        self.name, self.does, self.taken, self.closed = name, list(does), [], 0

    def deliver(self, notification: Notification) -> None:
        deed = self.does.pop(0) if self.does else None
        if isinstance(deed, Exception):
            raise deed
        if isinstance(deed, threading.Event):
            deed.wait(20)
        self.taken.append(notification.id)

    def close(self) -> None:
        self.closed += 1


class Away(Sink):
    """Never there."""

    def deliver(self, notification: Notification) -> None:
        self.taken.append(notification.id)
        raise TransientError("nobody answers", where="http://127.0.0.1")


@pytest.fixture
def clock():
    return Hurried()


@pytest.fixture
def box(clock):
    return Box(clock)


def postman(box, *sinks, clock=None, **options) -> Postman:
    return Postman(box, {sink.name: sink for sink in sinks}, clock=clock, rng=random.Random(0), **options)


def many(n: int, start: int = 0) -> list[Notification]:
    return [news(id=f"n{k}", fingerprint=f"f{k}") for k in range(start, start + n)]


def test_all_arrive_in_order_of_each_alarm(box, clock):
    lives = [("trigger", "t"), ("acknowledge", "a"), ("resolve", "r")]
    for action, letter in lives:
        box.queue("hook", *(news(id=f"{letter}{k}", fingerprint=f"f{k}", action=action) for k in range(20)))
    rng = random.Random(1)
    sink = Sink("hook", does=[TransientError("busy") if rng.random() < 0.4 else None for _ in range(100)])
    with postman(box, sink, clock=clock) as man:
        assert until(lambda: box.states() == {"delivered": 60})
        assert until(lambda: man.n_delivered["hook"] == 60)
        assert man.n_retried["hook"] > 10
    assert len(sink.taken) == 60
    for k in range(20):
        assert [word for word in sink.taken if word[1:] == str(k)] == [f"t{k}", f"a{k}", f"r{k}"]


def test_a_slow_channel_holds_up_no_other(box):
    box_clock = box
    gate = threading.Event()
    slow, fast = Sink("slow", does=[gate]), Sink("fast")
    box_clock.queue("slow", *many(150))
    box_clock.queue("fast", *many(50))
    box._clock = type("Now", (), {"now": staticmethod(time.time)})
    with postman(box, slow, fast, poll_seconds=0.02):
        assert until(lambda: len(fast.taken) == 50)
        assert slow.taken == []
        gate.set()
        assert until(lambda: len(slow.taken) == 150)
    assert box.states() == {"delivered": 200}


def test_a_channel_that_is_away_is_asked_less_and_less_and_given_up_after_a_day(box, clock):
    away, there = Away("away"), Sink("there")
    box.queue("away", *many(1))
    box.queue("there", *many(5))
    begun = clock.now()
    with postman(box, away, there, clock=clock, poll_seconds=60.0) as man:
        assert until(lambda: box.states() == {"delivered": 5, "dead": 1}, 20)
        assert until(lambda: man.n_dead == {"away": 1})
    tries = box.tries["n0@away"]
    assert 86_400 <= tries[-1] - begun < 86_400 + 1_500
    assert 100 < len(tries) < 700
    assert max(later - earlier for earlier, later in zip(tries, tries[1:], strict=False)) < 600 + 600 + 60
    assert box.rows["n0@away"].last_error == "nobody answers (http://127.0.0.1)"


def test_one_that_is_away_is_asked_once_a_pause_and_not_once_an_alarm(box, clock):
    away = Away("away")
    box.queue("away", *many(300))
    begun = clock.now()
    with postman(box, away, clock=clock, poll_seconds=1.0):
        assert until(lambda: clock.now() > begun + 600)
    assert 5 < len(away.taken) < 60


def test_what_a_resting_channel_has_left_hides_no_other(box, clock):
    away, there = Away("away"), Sink("there")
    box.queue("away", *many(1000))
    box.queue("there", *many(5))
    with postman(box, away, there, clock=clock, poll_seconds=0.01):
        assert until(lambda: len(there.taken) == 5)


def test_full_jitter_is_within_its_bounds():
    rng, pauses = random.Random(0), Pauses()
    for n_tries, most in ((1, 1), (2, 2), (5, 16), (11, 600), (10_000, 600)):
        drawn = [pauses.draw(n_tries, rng) for _ in range(500)]
        assert 0 <= min(drawn) < 0.05 * most
        assert 0.95 * most < max(drawn) <= most


def test_what_a_service_asks_for_is_kept_to(box, clock):
    busy = TransientError("busy")
    busy.retry_after_seconds = 120.0
    sink = Sink("hook", does=[busy])
    box.queue("hook", *many(2))
    begun, taken_at = clock.now(), []
    sink.deliver = lambda told, deliver=sink.deliver: (deliver(told), taken_at.append(clock.now()))
    with postman(box, sink, clock=clock, poll_seconds=5.0):
        assert until(lambda: len(taken_at) == 2)
    assert min(taken_at) >= begun + 120


def test_a_refusal_for_good_is_given_up_at_once_and_the_next_goes(box, clock):
    sink = Sink("hook", does=[TerminalError("bad key", mend="check it")])
    box.queue("hook", news(id="t"), news(id="r", action="resolve"))
    with postman(box, sink, clock=clock):
        assert until(lambda: box.states() == {"dead": 1, "delivered": 1})
    assert box.rows["t@hook"].last_error == "bad key"
    assert sink.taken == ["r"]


def test_a_channel_that_is_no_more_is_given_up(box, clock):
    box.queue("gone", *many(1))
    with postman(box, clock=clock):
        assert until(lambda: box.states() == {"dead": 1})
    assert "no channel is called 'gone'" in box.rows["n0@gone"].last_error


def test_a_fault_of_a_channel_is_survived_and_shows_no_secret(box, clock, caplog):
    sink = Sink("hook", does=[KeyError("token=hunter2")])
    box.queue("hook", *many(1))
    with postman(box, sink, clock=clock):
        assert until(lambda: box.states() == {"delivered": 1})
    assert box.rows["n0@hook"].last_error == "the channel failed: KeyError"
    assert "hunter2" not in caplog.text


def test_what_has_arrived_is_not_sent_again_while_the_store_cannot_note_it(box, clock):
    box.failures = 20
    sink = Sink("hook")
    box.queue("hook", *many(3))
    with postman(box, sink, clock=clock):
        assert until(lambda: box.states() == {"delivered": 3})
    assert sorted(sink.taken) == ["n0", "n1", "n2"]


def test_a_clock_that_is_set_back_does_not_stop_anything(box, clock):
    sink = Sink("hook", does=[TransientError("busy")])
    box.queue("hook", *many(1))
    with postman(box, sink, clock=clock):
        assert until(lambda: box.tries["n0@hook"])
        clock.seconds -= 100_000.0
        box.queue("hook", *many(1, 1))
        assert until(lambda: "n1" in sink.taken)


def test_it_stops_quickly_though_a_channel_hangs(box):
    gate = threading.Event()
    hangs, idle = Sink("hangs", does=[gate]), Sink("idle")
    box.queue("hangs", *many(1))
    man = postman(box, hangs, idle)
    box._clock.seconds = time.time()
    box.rows["n0@hangs"].due_at = 0.0
    man.start()
    assert until(lambda: not hangs.does)
    began = time.monotonic()
    man.stop(0.3)
    assert time.monotonic() - began < 1.0
    assert (hangs.closed, idle.closed) == (1, 1)
    assert box.states() == {"waiting": 1}
    gate.set()
    man.stop(0.3)
    assert box.states() == {"delivered": 1}


def test_it_can_be_stopped_before_it_began(box):
    sink = Sink("hook")
    postman(box, sink).stop()
    assert sink.closed == 1


CHILD = """
import sys, time
from amiss.io.alarms.making import make_sink
from amiss.store import Store
from amiss.stream.outbox import Pauses, Postman
store = Store.open(sys.argv[1])
place = f"http://127.0.0.1:{sys.argv[2]}"
sinks = {name: make_sink(name, {"type": "webhook", "url": f"{place}/{name}"}) for name in ("a", "b")}
with Postman(store, sinks, poll_seconds=0.02, pauses=Pauses(most_seconds=0.2)):
    print("begun", flush=True)
    while store.deliveries(state="waiting", limit=1):
        time.sleep(0.05)
store.close()
"""


@pytest.mark.slow
def test_nothing_is_lost_over_kills_at_any_moment(tmp_path):
    pytest.importorskip("sqlalchemy", reason="the extra `live` is not installed")
    from amiss.store import Store

    place, port, n, kills = str(tmp_path / "store.db"), free_port(), 100, 5
    told = [news(id=f"{a}{k}", fingerprint=f"f{k}", action=a) for k in range(n) for a in ("trigger", "resolve")]
    with Store.open(place) as store, store.writing() as writer:
        writer.queue(told, ("a", "b"), time.time())
    rng, service = random.Random(0), WebService()
    # Each fifth request is refused for the moment, and the service is away between two lives of the process.
    service.judge = lambda request: Answer(503) if rng.random() < 0.2 else None
    accepted: list[tuple[str, str]] = []
    answer = service.answer

    def noted(request):
        given = answer(request)
        if given.status == 200:
            accepted.append((request.path, json.loads(request.body)["id"]))
        return given

    service.answer = noted
    command = [sys.executable, "-c", CHILD, place, str(port)]
    for _ in range(kills):
        with serving(service, port):
            child = subprocess.Popen(command, stdout=subprocess.PIPE)
            assert child.stdout.readline() == b"begun\n"
            time.sleep(rng.uniform(0.0, 0.4))
            child.kill()
            child.wait(10)
            child.stdout.close()
    with Store.open(place) as store:
        assert 0 < len(store.deliveries(state="waiting", limit=1000)) < 4 * n
    with serving(service, port):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    with Store.open(place) as store:
        assert len(store.deliveries(state="delivered", limit=1000)) == 4 * n
    times = Counter(accepted)
    assert set(times) == {(path, one.id) for path in ("/a", "/b") for one in told}
    # At each kill one may have arrived in each channel that is not noted yet.
    assert sum(times.values()) - len(times) <= 2 * kills
    for path in ("/a", "/b"):
        order = [word for where, word in accepted if where == path]
        assert all(order.index(f"trigger{k}") < order.index(f"resolve{k}") for k in range(n))


def test_the_store_is_an_outbox(tmp_path):
    pytest.importorskip("sqlalchemy", reason="the extra `live` is not installed")
    from amiss.store import Store

    told = [news(id="t"), news(id="r", action="resolve"), news(id="o", fingerprint="o")]
    with Store.open(tmp_path / "store.db") as store:
        sink = Sink("hook", does=[TransientError("busy"), TerminalError("no")])
        with postman(store, sink, poll_seconds=0.02, pauses=Pauses(first_seconds=0.05)) as man:
            with store.writing() as writer:
                writer.queue(told, ["hook"], time.time())
            man.wake()
            assert until(lambda: not store.deliveries(state="waiting"))
            assert man.n_dead["hook"] == 1
        assert sorted(record.state for record in store.deliveries()) == ["dead", "delivered", "delivered"]
