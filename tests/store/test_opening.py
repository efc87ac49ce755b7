"""A store is made, brought to this version, or refused with what to do about it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import amiss.store
from amiss.core.errors import StoreError
from amiss.store import Store
from amiss.store.database import VERSION, Database
from tests.databases import database, free_port
from tests.store.made import T0, batch, event, notification, silence

MIGRATIONS = Path(amiss.store.__file__).parent / "migrations"


def brought_to(place, version):
    """A database as the store of an older version left it."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    behind = Database(place, 5)
    with behind.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, str(version))
        connection.exec_driver_sql(
            "INSERT INTO amiss_events (id, source, kind, severity, opened, updated, n_alarms, reason, fingerprint, "
            "state, body) VALUES ('old', 's', 'dip', 'info', 1, 2, 3, 'r', 'f', 'firing', '{}')"
        )
    behind.close()


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_store_of_any_version_is_brought_to_this_one(place, version):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from amiss.store.tables import METADATA

    brought_to(place, version)
    with Store.open(place) as store:
        assert store.event("old").n_alarms == 3
        with store.writing() as writer:
            writer.put_events([event()])
            writer.put_history(batch(4))
        assert len(store.events()) == 2
    behind = Database(place, 5)
    with behind.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "amiss_version", "compare_type": True})
        assert compare_metadata(context, METADATA) == []
    behind.close()


def test_versions_follow_one_another_and_come_with_the_package():
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_current_head() == str(VERSION)
    assert [s.revision for s in scripts.walk_revisions()] == [str(v) for v in range(VERSION, 0, -1)]
    # setuptools takes what lies in packages along.
    assert all((folder / "__init__.py").exists() for folder in (MIGRATIONS, MIGRATIONS / "versions"))


@pytest.mark.parametrize("said", [str(VERSION + 1), "97", "abc"])
def test_a_store_of_a_newer_version_is_refused(place, said):
    Store.open(place).close()
    behind = Database(place, 5)
    with behind.writing() as connection:
        connection.exec_driver_sql(f"UPDATE amiss_version SET version_num = '{said}'")
    behind.close()
    with pytest.raises(StoreError, match=f"version {said}.*(?s:.)*pip install"):
        Store.open(place)


def test_a_path_and_addresses_lead_to_the_same_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "100% of it?.db"
    with Store.open(path) as store, store.writing() as writer:
        writer.put_events([event()])
    for place in (str(path), path.name, f"~/{path.name}"):
        with Store.open(place) as store:
            assert len(store.events()) == 1
    with Store.open(f"sqlite:///{tmp_path}/other.db") as store:
        assert store.name == f"{tmp_path}/other.db"
    assert {p.name for p in tmp_path.iterdir()} == {path.name, "other.db"}


def test_what_is_no_store_is_refused_and_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE theirs (x)")
    (tmp_path / "words.db").write_text("these are words, and no database\n" * 100)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    for name, said in (("foreign.db", "something else"), ("words.db", "not a database")):
        with pytest.raises(StoreError, match=said) as caught:
            Store.open(tmp_path / name)
        assert caught.value.where == str(tmp_path / name)
        assert "another file" in caught.value.mend
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("place", "said"),
    [("nowhere/at/all.db", "the folder"), (".", "the folder"), ("mysql://kim:pa55@host/db", "sqlite:///"),
     ("sqlite://", "sqlite:///"), ("sqlite:///:memory:", "sqlite:///"), ("postgresql://kim:pa55@host", "sqlite:///"),
     ("://", "sqlite:///"), ("postgresql://kim:pa55@host:no/db", "sqlite:///")],
)  # fmt: skip
def test_an_address_that_leads_nowhere_says_what_to_write(place, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as caught:
        Store.open(place)
    assert said in caught.value.mend
    assert "pa55" not in str(caught.value)


def test_a_server_that_refuses_says_why_and_keeps_the_password(server):
    wrong = server.replace("of%20the%20tests", "pa55word")
    for place, said in ((wrong, "password"), (f"{server}_not", "createdb")):
        with pytest.raises(StoreError) as caught:
            Store.open(place)
        assert said in caught.value.mend
        assert "pa55word" not in str(caught.value)
        assert "%20tests" not in str(caught.value)
    nobody = f"postgresql://kim:pa55word@127.0.0.1:{free_port()}/db?sslpassword=pa55word"
    with pytest.raises(StoreError, match="PostgreSQL runs") as caught:
        Store.open(nobody)
    assert "pa55word" not in str(caught.value)


def test_the_name_of_a_store_holds_no_password(server):
    with (
        database(server) as url,
        Store.open(url.replace("postgresql://", "postgres://") + "?application_name=x") as store,
    ):
        assert store.name.startswith("postgresql://amiss:***@127.0.0.1:")
        assert "?" not in store.name


# Root may write everywhere, unless it has given away its rights.
AS_ANYBODY = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []


def run(code, *words, prefix=()):
    line = [*prefix, sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(line, capture_output=True, timeout=60)
    return done.stdout.decode(), done.stderr.decode()


OPEN = """
import sys
from amiss.core.errors import StoreError
from amiss.store import Store
from tests.store.made import T0, event
try:
    with Store.open(sys.argv[1]) as store, store.writing() as writer:
        writer.put_events(event(i, reason="r" * 1000) for i in range(int(sys.argv[2])))
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(bool(AS_ANYBODY) and not shutil.which("setpriv"), reason="root, and no setpriv")
def test_a_folder_that_may_not_be_written_says_so(tmp_path):
    Store.open(tmp_path / "there.db").close()
    (tmp_path / "there.db").chmod(0o444)
    tmp_path.chmod(0o555)
    for name in ("new.db", "there.db"):
        out, err = run(OPEN, tmp_path / name, 1, prefix=AS_ANYBODY)
        assert not err
        assert "the store cannot be" in out
        assert str(tmp_path / name) in out
        assert "mend:" in out
        assert "write to" in out
    tmp_path.chmod(0o755)


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n" + OPEN


def test_a_disk_that_is_full_loses_only_what_it_refused(tmp_path):
    path = tmp_path / "store.db"
    assert run(FULL, path, 20) == ("", "")
    out, err = run(FULL, path, 1000)
    assert not err
    assert "disk" in out
    assert "nothing of this was written" in out
    with Store.open(path) as store:
        assert len(store.events(limit=10_000)) == 20


def test_the_package_does_not_load_the_libraries():
    code = "import sys, amiss.store; print([m for m in ('sqlalchemy', 'alembic', 'psycopg') if m in sys.modules])"
    assert run(code) == ("[]\n", "")


def test_opening_a_store_of_this_version_does_not_load_alembic(tmp_path):
    Store.open(tmp_path / "store.db").close()
    code = "import sys; from amiss.store import Store; Store.open(sys.argv[1]); print('alembic' in sys.modules)"
    assert run(code, tmp_path / "store.db") == ("False\n", "")


def test_without_sqlalchemy_the_extra_is_named(tmp_path):
    code = (
        "import sys; sys.modules['sqlalchemy'] = None\nfrom amiss.store import Store\n"
        "from amiss.core.errors import MissingExtraError\n"
        "try: Store.open(sys.argv[1])\nexcept MissingExtraError as error: print(error)"
    )
    out, err = run(code, tmp_path / "store.db")
    assert not err
    assert "pip install 'amiss[live]'" in out


def test_everything_is_there_after_closing_and_opening(place):
    with Store.open(place) as store:
        with store.writing() as writer:
            writer.put_events([event()])
            writer.put_silences([silence()])
            writer.queue([notification()], ["mail"], T0)
            writer.put_history(batch(10, entities=(None,)))
        store.close()
        store.close()
    with Store.open(place) as store:
        counts = [
            len(store.events()),
            len(store.silences()),
            len(store.deliveries()),
            len(store.history("mqtt://plant/#")),
        ]
    assert counts == [1, 1, 1, 10]
