"""Each verb, its examples, its exit codes and its streams."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time

import jsonschema
import numpy as np
import polars as pl
import pytest

import amiss
from amiss.cli.main import app
from amiss.datasets import make_network
from amiss.report.record import record_schema
from tests.databases import database, postgres
from tests.servers import kafka_broker, mosquitto

VERBS = sorted(command.name for command in app.registered_commands)


def examples(verb):
    callback = next(c.callback for c in app.registered_commands if c.name == verb)
    text = callback.__doc__.split("Examples:")[1]
    return [line.strip() for line in text.strip().splitlines() if "amiss " in line]


def _write_flows(path, label="attack", seed=0):
    random = np.random.default_rng(seed)
    odd = random.random(400) < 0.15
    rate = random.normal(size=400) + 6 * odd
    pl.DataFrame({"rate": rate, "ports": random.normal(size=400), label: odd}).write_csv(path)


def test_every_example_of_watch_runs(pump_csv, tmp_path):
    """Against brokers of our own, and for a second each: a stream has no end."""
    (tmp_path / "pump.csv").write_bytes((pump_csv / "pump.csv").read_bytes())
    (tmp_path / "plant.toml").write_text('[source]\naddress = "file:pump.csv"\n')
    for name in ("mosquitto", "kafka"):
        (tmp_path / name).mkdir()
    with mosquitto(tmp_path / "mosquitto") as mqtt, kafka_broker(tmp_path / "kafka") as kafka:
        _make_topic(kafka.port, "metrics")
        for line in ["amiss fit pump.csv -o pump.amiss --causal", *examples("watch")]:
            here = line.replace("127.0.0.1/", f"127.0.0.1:{mqtt.port}/").replace(":9092/", f":{kafka.port}/")
            end = " --stop-after 1s" if "watch" in line and "--stop-after" not in line else ""
            command = re.sub(r"(?<![.\w])amiss (?=\w)", f"{shlex.quote(sys.executable)} -m amiss ", here) + end
            done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, timeout=60)
            assert done.returncode == 0, f"{line}\n{done.stderr.decode()}"


def test_every_example_of_serve_starts(tmp_path):
    """With a database and a certificate of our own, and ended by Ctrl-C: a server has no end either."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", "k.pem", "-out", "c.pem", "-subj", "/CN=localhost"],
        check=True, capture_output=True, cwd=tmp_path,
    )  # fmt: skip
    lines = examples("serve")
    assert len(lines) == 3
    with postgres() as server, database(server) as url:
        for line in lines:
            here = line.replace("postgresql://amiss@127.0.0.1/amiss", url).replace("0.0.0.0", "127.0.0.1")
            words = [sys.executable, "-m", *shlex.split(here), "--port", "0"]
            process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
            try:
                said = process.stderr.readline()
                assert "amiss listens" in said, line + said + process.stderr.read()
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(60)
                process.stderr.close()


def _make_topic(port, name):
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": f"127.0.0.1:{port}"})
    producer.produce(name, b'{"device": "a", "value": 1}')
    assert producer.flush(20) == 0


def _write_verdicts(folder):
    rows = range(0, 600, 20)
    words = ["anomaly" if row < 200 else "normal" for row in rows]
    pl.DataFrame({"row": rows, "verdict": words}).write_csv(folder / "verdicts.csv")
    time = pl.read_csv(folder / "pump.csv")["time"]
    spans = {"starts": [time[100], time[300]], "ends": [time[110], time[320]], "verdict": ["anomaly", "normal"]}
    pl.DataFrame(spans).write_csv(folder / "spans.csv")


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"watch", "serve"}))
def test_every_example_of_the_help_runs(verb, pump_csv, tmp_path):
    lines = examples(verb)
    assert lines
    for name in ("pump.csv", "new.csv"):
        (tmp_path / name).write_bytes((pump_csv / name).read_bytes())
    if verb in ("detect", "fit", "score"):
        table = pl.read_csv(pump_csv / "pump.csv", infer_schema_length=None).with_row_index("id")
        with contextlib.closing(sqlite3.connect(tmp_path / "plant.db")) as connection:
            connection.execute(f"CREATE TABLE readings ({', '.join(table.columns)})")
            connection.executemany(f"INSERT INTO readings VALUES ({', '.join('?' * table.width)})", table.rows())
            connection.commit()
    if verb in ("detect", "flows"):
        traffic = make_network(n_hosts=16, hours=0.1, look_alikes=False, seed=1)
        (tmp_path / "captures").mkdir()
        for name in ("office.pcap", "monday.pcap", "capture.pcap", "captures/monday.pcap"):
            traffic.write_pcap(tmp_path / name, snap=200, most_packets=500)
    if verb in ("score", "promise"):
        lines = ["amiss fit pump.csv -o pump.amiss", *lines]
    if verb == "benchmark":
        for k in range(1, 4):
            _write_flows(tmp_path / f"line{k}.csv", label="fault", seed=k)
    if verb == "tune":
        _write_flows(tmp_path / "flows.csv")
    if verb in ("compare", "evaluate", "score"):
        _write_flows(tmp_path / "flows.csv")
        lines = ["amiss fit flows.csv -o flows.amiss --label attack --detector naive_bayes", *lines]
    if verb == "learn":
        _write_verdicts(tmp_path)
        lines = ["amiss fit pump.csv -o pump.amiss --kind table", *lines]
    for line in lines:
        command = re.sub(r"(?<![.\w])amiss (?=\w)", f"{shlex.quote(sys.executable)} -m amiss ", line)
        done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, timeout=300)
        allowed = (0, 1) if "--fail-on" in line else (0,)
        assert done.returncode in allowed, f"{line}\n{done.stderr.decode()}"


def test_help_names_every_verb_and_exit_code(run):
    out, _ = run("--help")
    assert all(verb in out for verb in VERBS)
    assert all(f"{code} " in out for code in (0, 1, 2, 3, 4, 5))
    for verb in VERBS:
        assert "Examples:" in run(verb, "--help")[0]


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["detect", "--help"]])
def test_light_start(words):
    """Nothing heavy is loaded for help."""
    script = (
        "import sys\nfrom amiss.cli.main import main\n"
        f"sys.argv = ['amiss', *{words!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'polars', 'narwhals', 'pandas', 'msgspec'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_import_is_light():
    script = "import sys, amiss\nassert not {'numpy', 'polars', 'sklearn', 'typer'} & set(sys.modules)\namiss.detect"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


def test_detecting_a_file_does_not_load_scikit_learn(pump_csv):
    script = (
        "import sys, amiss\namiss.detect('pump.csv', kind='table').report('x.html')\n"
        "assert not {'sklearn', 'scipy', 'pandas', 'narwhals', 'rich'} & set(sys.modules), sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=pump_csv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-300:]


def test_detect_table(run):
    out, err = run("detect", "pump.csv", "--kind", "table")
    assert "2,016 rows" in out
    assert "entity: pump" in out
    assert "1% of the rows (default)" in out
    assert "is above its usual" in out or "is far above its usual" in out
    assert err == ""  # silence in a pipe


def test_detect_json_follows_its_published_schema(run):
    out, err = run("detect", "pump.csv", "--kind", "table", "--format", "json", "--top", "7")
    record = json.loads(out)
    jsonschema.validate(record, record_schema())
    assert err == ""
    assert set(record) >= {"data", "promise", "schema", "anomalies", "events"}
    assert len(record["anomalies"]) == 7
    first = record["anomalies"][0]
    assert set(first) >= {"row", "score", "p_value", "reason", "contributions"}
    assert record["promise"]["asked"]
    assert record["promise"]["reached"] <= record["promise"]["rate"]
    scores = [a["score"] for a in record["anomalies"]]
    assert scores == sorted(scores, reverse=True)


def test_ndjson_and_csv_list_the_alarms(run):
    lines = run("detect", "pump.csv", "--kind", "table", "--format", "ndjson")[0].splitlines()
    assert len(lines) == 20
    assert all(json.loads(line)["is_anomaly"] for line in lines)
    five = run("detect", "pump.csv", "--kind", "table", "--format", "csv", "--false-alarms", "5")[0]
    table = pl.read_csv(five.encode())
    assert table.height == 5
    assert table.columns[:5] == ["row", "anomaly_score", "p_value", "is_anomaly", "reason"]


def test_scored_output_and_report(run, tmp_path):
    _, err = run("detect", "pump.csv", "-o", tmp_path / "s.parquet", "--report", tmp_path / "r.html")
    table = pl.read_parquet(tmp_path / "s.parquet")
    assert table.height == 2016
    assert table.columns[-4:] == ["anomaly_score", "p_value", "is_anomaly", "reason"]
    assert "2,016 scored rows" in err
    assert str(tmp_path / "r.html") in err
    assert sorted(os.listdir(tmp_path)) == ["r.html", "s.parquet"]


def test_several_files(run, tmp_path):
    out, _ = run(
        "detect", "pump.csv", "new.csv", "--format", "json", "-o", tmp_path / "out", "--report", tmp_path / "r"
    )
    assert [record["data"]["name"] for record in json.loads(out)] == ["pump.csv", "new.csv"]
    assert sorted(os.listdir(tmp_path / "out")) == ["new.csv.parquet", "pump.csv.parquet"]
    assert sorted(os.listdir(tmp_path / "r")) == ["new.csv.html", "pump.csv.html"]


def test_standard_input(run, pump_csv):
    data = (pump_csv / "pump.csv").read_bytes()
    plain = json.loads(run("detect", "pump.csv", "--format", "json")[0])
    for stdin in (data, gzip.compress(data)):
        piped = json.loads(run("detect", "-", "--format", "json", stdin=stdin)[0])
        assert [a["values"] for a in piped["anomalies"]] == [a["values"] for a in plain["anomalies"]]
        assert [a["score"] for a in piped["anomalies"]] == [a["score"] for a in plain["anomalies"]]
        assert piped["data"]["name"] == "standard input"


def test_fit_and_score(run, tmp_path):
    model = tmp_path / "m.amiss"
    _, err = run("fit", "pump.csv", "-o", model, "--false-alarms", "2%")
    assert "learnt from 2,016 rows" in err
    out, _ = run("score", model, "new.csv", "-o", tmp_path / "s.csv", "--format", "json", "--top", "3")
    record = json.loads(out)
    jsonschema.validate(record, record_schema())
    assert record["promise"]["rate"] == 0.02
    assert pl.read_csv(tmp_path / "s.csv", infer_schema_length=None)["is_anomaly"].sum() == record["n_anomalies"]


def test_what_was_learnt_is_not_told_of_the_rows_scored(run, tmp_path):
    run("fit", "pump.csv", "--kind", "table", "-o", tmp_path / "m.amiss")
    out, _ = run("score", tmp_path / "m.amiss", "new.csv", "--report", tmp_path / "r.html")
    assert "  as learnt from pump.csv:\n    ranked as numbers" in out
    assert "missing (as learnt)" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "as learnt" not in run("detect", "new.csv")[0]


def test_config_and_options(run, tmp_path):
    config = tmp_path / "amiss.toml"
    config.write_text(
        'detector = "isolation_forest"\nfalse_alarms = "2%"\nignore = ["note"]\n[params]\nn_estimators = 40\n'
    )
    record = json.loads(run("detect", "pump.csv", "--config", config, "--format", "json", "--false-alarms", "3")[0])
    assert record["detector"] == "isolation_forest"
    assert record["n_anomalies"] == 3
    config.write_text("detektor = 'hbos'\n")
    assert "did you mean 'detector'" in run("detect", "pump.csv", "--config", config, code=2)[1]
    config.write_text("detector = \n")
    assert "no TOML" in run("detect", "pump.csv", "--config", config, code=2)[1]
    assert "cannot read the recipe" in run("detect", "pump.csv", "--config", tmp_path / "none", code=2)[1]


def test_fail_on(run):
    run("detect", "pump.csv", "--kind", "table", "--fail-on", "20", code=1)
    run("detect", "pump.csv", "--kind", "table", "--fail-on", "21", code=0)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["detect"], 2, "Missing argument"),
        (["detect", "pump.csv", "--no-such"], 2, "No such option"),
        (["detect", "pump.csv", "--false-alarms", "many"], 2, "cannot be read"),
        (["detect", "pump.csv", "--kind", "table", "--false-alarms", "0.0001%"], 3, "more rows"),
        (["detect", "pump.csv", "--detector", "knm"], 2, "did you mean 'knn'"),
        (["detect", "pump.csv", "--time", "tim"], 3, "did you mean 'time'"),
        (["detect", "none.csv"], 3, "no such file"),
        (["detect", "."], 3, "no file tells of network traffic"),
        (["detect", "pump.csv", "-o", "x.doc"], 2, "stands for no form"),
        (["detect", "pump.csv", "--report", "none/x.html"], 3, "no such folder"),
        (["score", "pump.csv", "pump.csv"], 4, "no model file"),
        (["score", "none.amiss", "pump.csv"], 4, "cannot be opened"),
        (["detect", "pump.csv", "--report", "r.txt"], 2, "end it in .html"),
        (["detect", "pump.csv", "-o", "pump.csv"], 2, "would overwrite what is read"),
        (["detect", "pump.csv", "pump.csv", "-o", "out"], 2, "two results would be written"),
        (["detect", "pump.csv", "--ignore", "time", "--time", "time"], 3, "asked to be two things"),
        (["detect", ""], 3, "name of the file is empty"),
        (["fit", "pump.csv", "-o", "none/m.amiss"], 3, "no such folder"),
        (["fit", "pump.csv", "-o", "pump.csv"], 2, "would overwrite what is read"),
        (["fit", "pump.csv", "-o", "-"], 2, "not to standard output"),
        (["detect", "-", "-"], 2, "only once"),
        (["demo", "--folder", ""], 2, "folder is empty"),
        (["demo", "--seed", "-1"], 2, "--seed"),
    ],
)
def test_exit_codes(run, words, code, said):
    out, err = run(*words, code=code)
    assert said in err
    assert out == ""


def test_broken_pipe_is_no_error(pump_csv):
    command = f"{shlex.quote(sys.executable)} -m amiss detect pump.csv --format json | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=pump_csv, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_interrupt_leaves_nothing_behind(tmp_path):
    random = np.random.default_rng(0)
    pl.DataFrame(random.normal(size=(400_000, 12))).write_csv(tmp_path / "t.csv")
    process = subprocess.Popen(
        [sys.executable, "-m", "amiss", "detect", "t.csv", "-o", "s.csv"], cwd=tmp_path, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(name.endswith(".part") for name in os.listdir(tmp_path)):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    assert "interrupted" in err.decode()
    assert os.listdir(tmp_path) == ["t.csv"]


def test_progress_is_shown_on_a_terminal(pump_csv):
    import pty

    master, slave = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "amiss", "detect", "pump.csv"], cwd=pump_csv, stderr=slave, stdout=subprocess.DEVNULL
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 1024)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    assert done.wait(60) == 0
    assert b"%" in shown


def test_doctor(run):
    out, _ = run("doctor")
    assert "kernels" in out
    found = json.loads(run("doctor", "--json")[0])
    assert set(found) >= {"amiss", "python", "kernels", "libraries", "extras", "disk", "detectors"}
    off = json.loads(run("doctor", "--json", env={"AMISS_NO_KERNELS": "1"})[0])
    assert "AMISS_NO_KERNELS" in off["kernels"]


def test_demo(run, tmp_path):
    out, _ = run("demo", "--folder", tmp_path / "d")
    assert re.search(r"found [78] of 8 planted faults; [0-4] of", out)
    assert (tmp_path / "d" / "report.html").stat().st_size < 2_000_000
    assert "report.html" in out
    run("demo", "--folder", tmp_path / "d", "--seed", 2**40)  # its own files are made anew
    for name in ("plant.csv", "report.html"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("<!doctype html>\ntime,pump\n1,2\n")
        _, err = run("demo", "--folder", tmp_path / name, code=3)
        assert "not of amiss demo's making" in err
        assert [file.name for file in (tmp_path / name).iterdir()] == [name]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run, shell):
    out, _ = run("--show-completion", shell, code=0, env={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert "amiss" in out.lower()


def test_false_discoveries_limits_and_a_clean_history(run, tmp_path):
    model = tmp_path / "m.amiss"
    table = "pump.csv", "--kind", "table"
    _, err = run("fit", *table, "-o", model, "--false-discoveries", "10%", "--limit", "flow_m3h>=0", "--clean")
    assert "10% of the alarms" in err
    assert "look like anomalies" not in err
    record = json.loads(run("score", model, "new.csv", "--format", "json")[0])
    assert record["promise"]["share_of"] == "alarms"
    assert record["promise"]["version"] == 1
    changed = json.loads(run("score", model, "new.csv", "--false-alarms", "2%", "--format", "json")[0])
    assert changed["promise"]["share_of"] == "rows"
    assert changed["promise"]["version"] == 2
    out, _ = run("detect", *table, "--limit", "flow_m3h<=1", "--limit", "flow_m3h>=0")
    assert "beyond a limit" in out
    assert "is above its limit of 1" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--false-discoveries", "5"], 2, "no share of the alarms"),
        (["--false-discoveries", "5%", "--false-alarms", "1%"], 2, "both asked for"),
        (["--limit", "flow<1"], 2, "cannot be read"),
        (["--limit", "flov_m3h<=1"], 3, "did you mean 'flow_m3h'"),
        (["--limit", "pump<=1"], 3, "holds no numbers"),
    ],
)
def test_promises_and_limits_that_cannot_be(run, words, code, said):
    assert said in run("detect", "pump.csv", *words, code=code)[1]


def test_an_option_overrules_the_promise_of_the_recipe(run, tmp_path):
    recipe = tmp_path / "r.toml"
    recipe.write_text('false_alarms = "5%"\n[limits]\nflow_m3h = [0, 1]\n', encoding="utf-8")
    out, _ = run("detect", "pump.csv", "--config", recipe, "--false-discoveries", "10%", "--format", "json")
    record = json.loads(out)
    assert record["promise"]["asked"] == "10% of the alarms"
    assert any("is above its limit of 1" in row["reason"] for row in record["anomalies"])


def test_a_promise_is_shown_and_changed_in_the_file(run, tmp_path):
    model = tmp_path / "m.amiss"
    run("fit", "pump.csv", "--kind", "table", "-o", model)
    assert "promise 1: false alarms at most 1% of the rows" in run("promise", model)[0]
    out, err = run("promise", model, "--false-alarms", "2%", "-o", model)
    assert "promise 2: false alarms at most 2% of the rows" in out
    assert "written" in err
    assert "promise 2" in run("promise", model)[0]
    assert "nothing is asked" in run("promise", model, "-o", model, code=2)[1]
    assert "cannot be promised" in run("promise", model, "--false-alarms", "0.0001%", code=3)[1]


def test_explain_tells_all_about_one_row(run, pump_csv):
    table = "pump.csv", "--kind", "table"
    record = json.loads(run("detect", *table, "--top", "1", "--format", "json")[0])
    row = record["anomalies"][0]["row"]
    out, _ = run("detect", *table, "--explain", row)
    assert f"pump.csv, row {row:,} (from 0): raises an alarm" in out
    assert "the row would be normal" in out
    assert all(name in out for name in ("normal row 3", "without it", "pressure_bar"))
    found = json.loads(run("detect", *table, "--explain", row, "--format", "json")[0])
    assert found["reason"] == record["anomalies"][0]["reason"]
    assert len(found["nearest"]) == 3
    assert found["changes"]
    assert run("detect", "pump.csv", "--explain", row, "--format", "ndjson")[0].count("\n") == 1
    run("fit", "pump.csv", "-o", "explain.amiss")
    assert "row 3 (from 0)" in run("score", "explain.amiss", "new.csv", "--explain", "3")[0]
    assert "has no form ecs" in run("detect", "pump.csv", "--explain", row, "--format", "ecs", code=2)[1]
    assert "there is no row 9999999" in run("detect", "pump.csv", "--explain", "9999999", code=2)[1]


def test_explain_as_csv_gives_the_row_with_its_reason(run, pump_csv):
    table = "pump.csv", "--kind", "table"
    listed = run("detect", *table, "--top", "1", "--format", "csv")[0].splitlines()
    row = listed[1].split(",")[0]
    assert listed[0].startswith("row,anomaly_score,p_value,is_anomaly,reason,")
    assert run("detect", *table, "--explain", row, "--format", "csv")[0].splitlines() == listed
    run("fit", *table, "-o", "explain_csv.amiss")
    out = run("score", "explain_csv.amiss", "pump.csv", "--explain", "3", "--format", "csv")[0].splitlines()
    assert len(out) == 2
    assert out[1].startswith("3,")
    assert "there is no row 9999999" in run("detect", *table, "--explain", "9999999", "--format", "csv", code=2)[1]


def test_a_limit_beside_those_of_the_recipe_replaces_one_side_only(run, tmp_path):
    (tmp_path / "c.toml").write_text("[limits]\nflow_m3h = [0, 40]\n")
    run("fit", "pump.csv", "-o", tmp_path / "m.amiss", "--config", tmp_path / "c.toml", "--limit", "flow_m3h<=35")
    assert amiss.load(tmp_path / "m.amiss").recipe.limits == {"flow_m3h": (0, 35)}


def test_a_detector_that_cannot_explain_fails_before_anything_is_printed(tmp_path):
    """And warnings of another library are no talk for a terminal."""
    script = (
        "import warnings, numpy as np\nfrom sklearn.ensemble import IsolationForest as Forest\n"
        "score = Forest.score_samples\n"
        "def score_samples(self, X):\n"
        "    warnings.warn('not for users')\n"
        "    if len(X) < 100: raise ValueError('too few rows for me')\n"
        "    return score(self, X)\n"
        "Forest.score_samples = score_samples\n"
        "import amiss.cli.main as cli\ncli.main()\n"
    )
    np.savetxt(tmp_path / "x.csv", np.random.default_rng(0).normal(size=(300, 2)), delimiter=",", header="a,b")
    words = ["detect", str(tmp_path / "x.csv"), "--detector", "sklearn.ensemble.IsolationForest", "--top", "1"]
    for form in ("table", "json", "ndjson", "csv"):
        command = [sys.executable, "-c", script, *words, "--format", form]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout) == (3, ""), form
        assert "too few rows for me" in done.stderr
        assert "not for users" not in done.stderr
