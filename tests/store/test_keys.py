"""Tokens of the server, and what watches say of themselves."""

from __future__ import annotations

from math import inf

from amiss.store.keys import TokenRecord
from amiss.store.records import SilenceRecord
from amiss.store.watches import WatchRecord


def token(name="kim", **more):
    return TokenRecord(
        **{"id": f"id-{name}", "name": name, "digest": f"digest-{name}", "scopes": ("read", "label"), "created": 1.0}
        | more
    )


def test_a_token_is_found_by_its_digest_until_it_is_revoked(store):
    store.add_token(token())
    store.add_token(token("robin", expires=9.0, created=2.0))
    assert store.token("digest-kim") == token()
    assert [found.name for found in store.tokens()] == ["kim", "robin"]
    store.token_used("id-kim", 5.0)
    assert store.token("digest-kim").used_at == 5.0
    assert store.revoke("id-kim")
    assert not store.revoke("id-kim")
    assert store.token("digest-kim") is None
    assert store.token("digest-robin").expires == 9.0


def test_a_watch_is_known_by_what_it_said_last(store):
    first = WatchRecord(source="mqtt://plant", seen_at=1.0, started=0.5, n_rows=10, notes=("a\x00b",))
    later = WatchRecord(source="mqtt://plant", seen_at=2.0, started=0.5, n_rows=20, rate=inf, lag=3)
    other = WatchRecord(source="host:", seen_at=1.5, started=0.5)
    with store.writing() as writer:
        writer.put_watch(first)
    assert store.watches() == [first]
    with store.writing() as writer:
        writer.put_watch(later)
        writer.put_watch(other)
    assert store.watches() == [other, later]


def test_a_silence_may_have_no_end(store):
    always = SilenceRecord(id="x", author="kim", reason="a scanner of ours", starts=0.0, ends=inf, created=0.0)
    with store.writing() as writer:
        writer.put_silences([always])
    assert store.silences(active_at=1e12) == [always]
    assert store.end_silence("x", 5.0)
    assert store.silences(active_at=6.0) == []
