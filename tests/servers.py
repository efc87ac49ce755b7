"""Real servers for tests: each a process of its own on a free port of 127.0.0.1, stopped by its id."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

__all__ = ["Server", "authority", "free_port", "kafka_broker", "mosquitto"]

_PATIENCE_SECONDS = 20.0


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
    return port


@dataclass
class Server:
    """A process that listens; it can be killed and started again, on the same port and with the same files."""

    command: list[str]
    port: int
    log: Path
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.command[0]} ended: {self.log.read_text()[-2000:]}")
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 0.5):
                return
            time.sleep(0.02)
        raise RuntimeError(f"{self.command[0]} does not listen: {self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """End it as an administrator would."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@contextlib.contextmanager
def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _program(name: str, *places: str) -> str:
    for place in (shutil.which(name), *places):
        if place and Path(place).exists():
            return place
    pytest.skip(f"{name} is not installed")


@contextlib.contextmanager
def mosquitto(
    folder: Path, *, users: dict[str, str] | None = None, tls: tuple[Path, Path, Path] | None = None,
    readable_topics: str = "", autosave_seconds: int = 1, settings: tuple[str, ...] = (),
) -> Iterator[Server]:  # fmt: skip
    """An MQTT broker that keeps its sessions on disk over a restart.

    Parameters
    ----------
    folder
        For its files.
    users
        Passwords by user; None lets everybody in.
    tls
        Files of the authority, of the certificate and of its key; None without TLS.
    readable_topics
        The topic filter that users may read; "" for all.
    autosave_seconds
        How often it writes its sessions to the disk.
    settings
        Further lines of its configuration.
    """
    program = _program("mosquitto", "/usr/sbin/mosquitto")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    lines = [
        "per_listener_settings false", "user root", f"listener {port} 127.0.0.1",
        "persistence true", f"persistence_location {folder}/", f"autosave_interval {autosave_seconds}",
        "max_queued_messages 0", "max_inflight_messages 0",
        "set_tcp_nodelay true", "connection_messages true", "log_dest stderr", *settings,
    ]  # fmt: skip
    if users is None:
        lines.append("allow_anonymous true")
    else:
        passwords = folder / "passwords"
        passwords.write_text("".join(f"{user}:{word}\n" for user, word in users.items()), encoding="utf-8")
        passwords.chmod(0o600)
        subprocess.run([_program("mosquitto_passwd"), "-U", str(passwords)], check=True, capture_output=True)
        lines += ["allow_anonymous false", f"password_file {passwords}"]
    if readable_topics:
        rights = folder / "rights"
        rights.write_text(f"pattern readwrite {readable_topics}\n", encoding="utf-8")
        rights.chmod(0o600)
        lines.append(f"acl_file {rights}")
    if tls is not None:
        lines += [f"cafile {tls[0]}", f"certfile {tls[1]}", f"keyfile {tls[2]}"]
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [program, "-c", str(folder / "mosquitto.conf")]
    with _running(Server(command, port, folder / "mosquitto.log")) as server:
        yield server


@contextlib.contextmanager
def kafka_broker(folder: Path) -> Iterator[Server]:
    """A broker that speaks Kafka's protocol (noida-db, and not Apache Kafka), with its data on disk."""
    # The program itself: the command that pip installs starts it as a child, which would outlive a kill.
    found = importlib.util.find_spec("noida_db")
    if found is None or not found.submodule_search_locations:
        pytest.skip("noida-db is not installed")
    program = str(Path(found.submodule_search_locations[0]) / "noida-db")
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [program, "start", "--only", "kafka", "--host", "127.0.0.1", "--kafka-port", str(port)]
    with _running(Server([*command, "--data-dir", str(data)], port, folder / "kafka.log")) as server:
        yield server


def authority(folder: Path, *, host: str = "127.0.0.1") -> tuple[Path, Path, Path]:
    """An own authority and a certificate that it signed for `host`: files of the authority, certificate and key."""
    program = _program("openssl")
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key, asked, signed, key = (folder / name for name in ("ca.pem", "ca.key", "s.csr", "s.pem", "s.key"))
    kind = "IP" if host[0].isdigit() else "DNS"
    (folder / "extra").write_text(f"subjectAltName={kind}:{host}\n", encoding="utf-8")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for command in (
        ["req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "2", "-subj", "/CN=amiss tests"],
        ["req", *curve, "-keyout", key, "-out", asked, "-subj", f"/CN={host}"],
        ["x509", "-req", "-in", asked, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-out", signed, "-days", "2",
         "-extfile", folder / "extra"],
    ):  # fmt: skip
        subprocess.run([program, *map(str, command)], check=True, capture_output=True)
    return ca, signed, key
