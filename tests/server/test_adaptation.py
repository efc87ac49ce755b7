"""A challenger is learnt from verdicts, tried on later ones, and promoted or dropped with a written reason."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import amiss
from amiss.server.adaptation import Adaptation
from amiss.store import Store
from amiss.store.records import HistoryBatch, LabelRecord
from tests.server.made import NOW, SetClock, event

N = 3_000
COLUMNS = ("flow", "heat", "load")
STEP = 60.0


def rows(seed):
    """Normal rows with two kinds of odd ones: a harmless high flow, and heat without load, which is what matters."""
    random = np.random.default_rng(seed)
    X = random.normal(0, 1, (N, 3))
    harmless, bad = np.arange(0, N, 25), np.arange(12, N, 25)
    X[harmless, 0] += 9
    X[bad, 1] += 4
    X[bad, 2] -= 3
    return X, harmless, bad


def times():
    return NOW - STEP * np.arange(N, 0, -1)


@pytest.fixture
def watched(tmp_path):
    """A store with a stream, its rows and its champion."""
    X, harmless, bad = rows(1)
    with Store.open(tmp_path / "amiss.db") as store:
        with store.writing() as writer:
            writer.put_history(HistoryBatch(
                source="push:pump", columns=COLUMNS, entities=["P1"] * N, times=times(), scores=np.zeros(N),
                p_values=np.ones(N), is_anomaly=np.zeros(N, bool), values=X,
            ))  # fmt: skip
        moments = (times() * 1e6).astype("datetime64[us]")
        table = {"time": moments, "entity": ["P1"] * N, **dict(zip(COLUMNS, X.T, strict=True))}
        model = amiss.fit(table, kind="table", false_alarms="2%")
        path = tmp_path / "champion.amiss"
        model.save(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        store.add_model("pump", path=str(path), digest=digest, now=NOW - 100.0, state="champion")
        yield store, tmp_path, harmless, bad


def say(store, places, verdict, at):
    for place in places:
        moment = float(times()[place])
        store.add_label(LabelRecord(
            verdict=verdict, author="kim", at=at, source="push:pump", entity="P1", starts=moment, ends=moment
        ))  # fmt: skip


def test_nothing_is_learnt_before_there_is_enough_to_learn_from(watched):
    store, folder, harmless, _ = watched
    say(store, harmless[:5], "normal", NOW)
    decided = Adaptation(store, folder, SetClock(NOW), lambda name: None).look()
    assert decided["pump"].action == "wait"
    assert [v.state for v in store.models("pump")] == ["champion"]


def test_a_challenger_that_ranks_better_is_promoted_and_the_stream_begins_anew(watched):
    store, folder, harmless, bad = watched
    clock, begun = SetClock(NOW), []
    adaptation = Adaptation(store, folder, clock, begun.append)
    say(store, harmless[:20], "normal", NOW - 10.0)
    say(store, bad[:20], "anomaly", NOW - 9.0)
    assert adaptation.look()["pump"].action == "start"
    old, new = store.models("pump")
    assert (old.state, new.state) == ("champion", "challenger")
    assert "40 new labels" in new.note
    assert adaptation.look()["pump"].action == "wait"
    assert "no verdict since" in store.models("pump")[1].note
    clock.at += 50.0
    say(store, harmless[20:45], "normal", clock.at)
    say(store, bad[20:45], "anomaly", clock.at)
    decision = adaptation.look()["pump"]
    assert decision.action == "promote", decision.reason
    old, new = store.models("pump")
    assert (old.state, new.state, new.note, begun) == ("retired", "champion", decision.reason, ["pump"])
    assert amiss.load(new.path).recipe.wish().asked == amiss.load(old.path).recipe.wish().asked


def test_verdicts_that_contradict_the_challenger_drop_it(watched):
    store, folder, harmless, bad = watched
    clock, begun = SetClock(NOW), []
    adaptation = Adaptation(store, folder, clock, begun.append)
    say(store, harmless[:20], "normal", NOW - 10.0)
    say(store, bad[:20], "anomaly", NOW - 9.0)
    adaptation.look()
    clock.at += 50.0
    say(store, harmless[20:70], "anomaly", clock.at)
    say(store, bad[20:70], "normal", clock.at)
    decision = adaptation.look()["pump"]
    assert (decision.action, begun) == ("drop", []), decision.reason
    assert [v.state for v in store.models("pump")] == ["champion", "retired"]


def test_what_cannot_be_learnt_says_why(watched):
    store, folder, harmless, _ = watched
    with Store.open(folder / "empty.db") as empty:
        champion = store.models("pump")[0]
        empty.add_model("pump", path=champion.path, digest=champion.digest, now=NOW - 100.0, state="champion")
        say(empty, harmless[:30], "normal", NOW)
        decision = Adaptation(empty, folder, SetClock(NOW), lambda name: None).look()["pump"]
    assert decision.action == "wait"
    assert "no rows of the stream are kept" in decision.reason


def test_a_drift_starts_a_challenger_without_a_verdict(watched):
    store, folder, _, _ = watched
    drift = event(0, id="drift-1", source="push:pump", entity="P1", kind="drift", opened=NOW - 20.0, updated=NOW - 20.0,
                  reason="heat was about 0 and is about 3")  # fmt: skip
    early = event(
        1, id="drift-0", source="push:pump", entity="P1", kind="drift", opened=NOW - 500.0, updated=NOW - 500.0
    )
    adaptation = Adaptation(store, folder, SetClock(NOW), lambda name: None)
    with store.writing() as writer:
        writer.put_events([early])
    assert adaptation.look()["pump"].action == "wait"
    with store.writing() as writer:
        writer.put_events([drift])
    assert adaptation.look()["pump"].action == "start"
    (_, challenger) = store.models("pump")
    assert challenger.state == "challenger"
    assert "heat was about 0 and is about 3" in challenger.note
    assert amiss.load(challenger.path).kind == "table"
