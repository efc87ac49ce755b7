"""A PostgreSQL server of the tests' own: its own folder, its own port, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PASSWORD = "of the tests"


def programs() -> Path | None:
    """Where PostgreSQL's server programs are; None where there are none."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@dataclass
class Postgres:
    """A server that can be stopped and started again, on the same port and with the same data."""

    url: str
    command: list[Any]
    place: Path
    user: str | None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, user=self.user, cwd=self.place)
        wait_for(self.url, self.process, self.place / "log")

    def stop(self) -> None:
        """End it without waiting for whoever is still connected."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.process = None


@contextmanager
def postgres() -> Iterator[str]:
    """Address of a fresh, empty server, as postgresql://amiss:password@127.0.0.1:port/postgres.

    Raises
    ------
    FileNotFoundError
        PostgreSQL is not installed.
    """
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """As `postgres`, with the server in one's own hands."""
    if (folder := programs()) is None:
        raise FileNotFoundError("PostgreSQL is not installed")
    # The server refuses to be root; the package made a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        if user:
            shutil.chown(place, user)
        data, secret = Path(place) / "data", Path(place) / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        words = [folder / "initdb", "-D", data, "-U", "amiss", "-A", "scram-sha-256", f"--pwfile={secret}",
                 "-E", "UTF8", "--locale=C", "--no-sync"]  # fmt: skip
        subprocess.run(words, check=True, capture_output=True, user=user, cwd=place)
        port = free_port()
        # The socket lies in the folder too: nothing of it is anywhere else.
        words = [folder / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", place]
        url = f"postgresql://amiss:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}/postgres"
        server = Postgres(url, words, Path(place), user)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 30) -> None:
    """Return once the server answers."""
    import psycopg

    end = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)


@contextmanager
def database(server: str) -> Iterator[str]:
    """Address of an empty database on a server."""
    import psycopg

    name = f"test_{os.urandom(6).hex()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield server.rpartition("/")[0] + f"/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
