"""`amiss serve` as people start it, and what it keeps when it is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from amiss.core.errors import ConnectorError, ParameterError
from amiss.server.running import Address, Server
from amiss.store import Store
from tests.server.made import events


class Served:
    """A process of `amiss serve`, stopped with the block."""

    def __init__(self, folder, *options):
        command = [sys.executable, "-m", "amiss", "serve", "--data", str(folder), "--port", "0", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.said = ""
        until = time.monotonic() + 60
        while "http" not in self.said:
            assert time.monotonic() < until
            assert self.process.poll() is None, self.said
            self.said += self.process.stderr.readline()
        found = re.search(r"(https?://\S+?)(?:/login#(\S+))?$", self.said.strip())
        self.url, self.token = found[1], found[2]
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        self.process.stderr.close()


def test_the_first_start_tells_a_token_and_later_ones_do_not(tmp_path):
    with Served(tmp_path / "data") as first:
        assert first.url.startswith("http://127.0.0.1:")
        assert requests.get(f"{first.url}/healthz", timeout=10).json() == {"status": "ok"}
        assert requests.get(f"{first.url}/api/queue", timeout=10).status_code == 401
        assert requests.get(f"{first.url}/api/queue", headers=first.headers, timeout=10).status_code == 200
    assert first.process.returncode in (0, -signal.SIGINT, 130)
    assert oct((tmp_path / "data" / "session.key").stat().st_mode)[-3:] == "600"
    with Served(tmp_path / "data") as again:
        assert again.token is None
        assert requests.get(f"{again.url}/api/queue", headers=first.headers, timeout=10).status_code == 200
    with Served(tmp_path / "data", "--new-token") as new:
        assert new.token not in (None, first.token)


def test_a_stop_lets_those_go_who_listen_without_end(tmp_path):
    with Served(tmp_path / "data") as served:
        live = requests.get(f"{served.url}/api/live", headers=served.headers, stream=True, timeout=30)
        assert next(live.iter_lines()) == b"retry: 2000"
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(20) in (0, -signal.SIGINT, 130)
        said = served.process.stderr.read()
    assert "Traceback" not in said
    assert "Error" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.test"])
def test_no_other_address_without_tls(host):
    with pytest.raises(ParameterError, match="can be reached from elsewhere"):
        Address(host, 0).checked()
    assert Address(host, 0, behind_proxy=True).checked().hosts == ()


def test_tls_needs_both_files_and_they_must_be_there(tmp_path):
    with pytest.raises(ParameterError, match="certificate and its key"):
        Address(certificate=tmp_path / "c.pem").checked()
    with pytest.raises(ParameterError, match="not there"):
        Address(certificate=tmp_path / "c.pem", key=tmp_path / "k.pem").checked()


def test_a_port_that_is_taken_is_told(tmp_path):
    first = Server(None, Address(port=0))
    port = int(first.url.rpartition(":")[2])
    with pytest.raises(ConnectorError, match="nobody can listen there"):
        Server(None, Address(port=port))
    first._heard.close()


def test_it_is_reached_by_tls(tmp_path):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    with Served(tmp_path / "data", "--tls-cert", str(certificate), "--tls-key", str(key)) as served:
        assert served.url.startswith("https://")
        answer = requests.get(f"{served.url}/healthz", verify=str(certificate), timeout=10)
        assert answer.status_code == 200
        page = requests.get(f"{served.url}/login", verify=str(certificate), timeout=10).text
        csrf = re.search(r'name="csrf_token"[^>]*value="([0-9a-f]+)"', page)[1]
        entered = requests.post(
            f"{served.url}/login", data={"token": served.token, "csrf_token": csrf}, verify=str(certificate),
            allow_redirects=False, timeout=10,
        )  # fmt: skip
        assert "secure" in entered.headers["set-cookie"].lower()


def test_no_verdict_that_was_answered_is_lost_by_a_kill(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    with Store.open(folder / "amiss.db") as store, store.writing() as writer:
        writer.put_events(events(300))
    answered = []
    for turn in range(3):
        with Served(folder, *(["--new-token"] if turn else [])) as served:
            session = requests.Session()
            session.headers.update(served.headers)
            stop_after = time.monotonic() + 0.8 + 0.4 * turn
            killed = False
            for i in range(100 * turn, 100 * turn + 100):
                if time.monotonic() > stop_after and not killed:
                    os.kill(served.process.pid, signal.SIGKILL)
                    killed = True
                try:
                    answer = session.post(
                        f"{served.url}/api/labels", json={"event_id": f"event-{i}", "verdict": "anomaly"}, timeout=10
                    )
                except requests.RequestException:
                    break
                assert answer.status_code == 200
                answered.append(events(i + 1)[-1].opened)
            if not killed:
                os.kill(served.process.pid, signal.SIGKILL)
            served.process.wait(10)
    assert answered
    with Store.open(folder / "amiss.db") as store:
        kept = [label.starts for label in store.labels()]
    assert set(answered) <= set(kept)
    assert len(kept) - len(set(answered)) <= 3


def test_the_examples_of_the_page_start(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
    block = re.search(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
    lines = [line.partition("#")[0].split()[2:] for line in block.splitlines() if line.startswith("amiss serve")]
    assert len(lines) == 4
    for options in lines:
        if {"--store", "--host"} & set(options):
            # They need a server of PostgreSQL and a certificate, which the tests of stores and of TLS have.
            continue
        given = [str(tmp_path / word) if word == "plant" else word for word in options]
        with Served(tmp_path / "elsewhere", *given) as served:
            assert requests.get(f"{served.url}/api/queue", headers=served.headers, timeout=10).status_code == 200
