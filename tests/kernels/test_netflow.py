"""The compiled reader of flow exports does what its twin does, on whatever comes."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.kernels import loops
from amiss.kernels.netflow import Records, Templates
from tests.network import exports as sent

RECORDS = [
    sent.Record("10.0.0.1", "8.8.8.8", 4000, 443, 6, 9, 2000, 4_000_000, 4_001_500, 0x1B),
    sent.Record("8.8.8.8", "10.0.0.1", 443, 4000, 6, 7, 9000, 4_000_020, 4_001_490, 0x1B),
    sent.Record("10.0.0.2", "10.0.0.9", 0, 2048, 1, 1, 84, 4_500_000, 4_500_000),
]
SIX = [sent.Record("2001:db8::1", "2001:db8::2", 5000, 53, 17, 1, 80, 4_900_000, 4_900_010)]
VARYING = ((8, 4), (12, 4), (95, 65535), (1, 4), (2, 4, 29305), (154, 8), (162, 4))
NTP = sent.SENT + 2_208_988_800
DATAGRAMS = [
    sent.version_5(RECORDS, 7, sampling=0x4064),
    sent.version_9(sent.set_of(256, sent.record_9(RECORDS[0])), sequence=1),
    sent.version_9(
        sent.template(256, sent.V9_FIELDS),
        sent.template(257, sent.V9_FIELDS_6),
        sent.set_of(256, b"".join(map(sent.record_9, RECORDS))),
    ),
    sent.version_9(sent.set_of(257, sent.record_9(SIX[0])), sent.set_of(256, sent.record_9(RECORDS[1])), sequence=3),
    sent.ipfix(
        sent.template(300, sent.IPFIX_FIELDS, 10), sent.template(301, sent.IPFIX_FIELDS_6, 10), sequence=1, domain=5
    ),
    sent.ipfix(
        sent.set_of(300, b"".join(map(sent.record_10, RECORDS))),
        sent.set_of(301, sent.record_10(SIX[0])),
        sequence=1,
        domain=5,
    ),
    sent.ipfix(sent.template(400, VARYING, 10)),
    sent.ipfix(
        sent.set_of(400, b"\x0a\0\0\x01\x08\x08\x08\x08\x03abc" + struct.pack(">IIQI", 70, 3, NTP << 32, 500_000))
    ),
    # Options: how the exporter samples; told of in version 9 and IPFIX alike, and passed over.
    sent.version_9(sent.set_of(1, struct.pack(">HHHHHHH", 310, 4, 4, 1, 4, 34, 4)), sent.set_of(310, bytes(8))),
    sent.ipfix(sent.set_of(3, struct.pack(">HHHHHHH", 311, 2, 1, 149, 4, 305, 4)), sent.set_of(311, bytes(8))),
    sent.ipfix(sent.set_of(2, struct.pack(">HH", 300, 0)), domain=5),
    sent.ipfix(sent.set_of(300, sent.record_10(RECORDS[0])), domain=5),
    b"\0",
    b"\0\x05",
    b"\0\x07" + bytes(40),
    sent.version_5(RECORDS)[:-50],
    sent.ipfix(sent.set_of(300, b""))[:-2],
    sent.version_9(struct.pack(">HH", 256, 2)),
    sent.version_9(sent.template(256, ((8, 0), (12, 0)))),
    sent.version_9(sent.set_of(0, b"\0\x09\0\x09")),
]


def both(
    datagrams: list[bytes], exporter: np.ndarray, monkeypatch: pytest.MonkeyPatch, **options: int
) -> list[Records]:
    found, known = [], []
    for compiled in (True, False):
        with monkeypatch.context() as patch:
            if not compiled:
                patch.setattr(loops, "lib", None)
            templates = Templates(**options)
            cut = len(datagrams) // 2
            found += [
                templates.decode(datagrams[:cut], exporter[:cut]),
                templates.decode(datagrams[cut:], exporter[cut:]),
            ]
            known.append(templates)
    np.testing.assert_array_equal(known[0].slots, known[1].slots)
    for a, b in zip(found[:2], found[2:], strict=True):
        for name in ("reals", "wholes", "addresses", "told", "waiting", "n_dropped", "n_learnt"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), name)
    return found[:2]


def test_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    if not loops.compiled():
        pytest.skip("the loops are not compiled")
    first, second = both(DATAGRAMS, np.zeros(len(DATAGRAMS), np.int32), monkeypatch)
    assert first.told[:, 3].tolist() == [3, 0, 3, 2, 0, 4, 0, 1, 1, 1]
    assert first.told[:, 4].tolist() == [0] * 10
    assert first.waiting.tolist() == [[1, 20, 40]]
    assert len(first.reals) == 3 + 3 + 2 + 4 + 1
    assert second.told[:, 4].tolist() == [0, 0, 1, 1, 2, 3, 3, 4, 5, 5]
    starts = first.reals[:, 0]
    np.testing.assert_allclose(starts[:3], [r.start for r in RECORDS])
    np.testing.assert_allclose(starts[3:6], starts[:3])
    np.testing.assert_allclose(starts[8:11], starts[:3])
    np.testing.assert_allclose(first.reals[0], [RECORDS[0].start, RECORDS[0].start + 1.5, 9, 2000, np.nan, np.nan, 100])
    np.testing.assert_allclose(first.reals[-1], [sent.SENT, sent.SENT + 0.5, np.nan, 70, 3, np.nan, np.nan])
    assert first.wholes[0].tolist() == [4000, 443, 6, 0x1B, -1, 0, 0, 0]
    assert first.wholes[2, :3].tolist() == [8, 0, 1]
    assert first.addresses[0].tobytes() == bytes(10) + b"\xff\xff\x0a\0\0\x01" + bytes(10) + b"\xff\xff\x08\x08\x08\x08"
    assert bytes(first.addresses[6][:4]) == b"\x20\x01\x0d\xb8"


def test_exporters_and_domains_do_not_share_templates() -> None:
    templates = Templates()
    datagrams = [
        sent.version_9(sent.template(256, sent.V9_FIELDS), domain=1),
        *(sent.version_9(sent.set_of(256, sent.record_9(RECORDS[0])), domain=d) for d in (1, 2, 1)),
    ]
    found = templates.decode(datagrams, np.array([0, 0, 0, 1], np.int32))
    assert found.told[:, 3].tolist() == [0, 1, 0, 0]
    assert found.waiting[:, 0].tolist() == [2, 3]


def test_uptime_that_began_anew() -> None:
    late = (
        struct.pack(">HHIIIIHH", 5, 1, 1000, sent.SENT, 0, 0, 0, 0)
        + sent.version_5([sent.Record("1.1.1.1", "2.2.2.2", first=2**32 - 1000, last=500)])[24:]
    )
    found = Templates().decode([late], np.zeros(1, np.int32))
    assert found.reals[0, :2].tolist() == [sent.SENT - 2.0, sent.SENT - 0.5]


def test_a_flood_of_templates_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = [sent.version_9(sent.template(256 + i % 1000, sent.V9_FIELDS), domain=i) for i in range(300)]
    options = {"n_slots": 64, "most_fields": 16}
    both(flood, np.zeros(300, np.int32), monkeypatch, **options)
    templates = Templates(**options)
    templates.decode(flood, np.zeros(300, np.int32))
    assert templates.n_forgotten > 3
    assert (templates.slots[:, 0] != 0).sum() <= 48


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_mutated_datagrams(seed: int) -> None:
    chance = random.Random(seed)
    mutated = []
    for _ in range(12):
        data = bytearray(chance.choice(DATAGRAMS))
        for _ in range(chance.randrange(4)):
            kind = chance.randrange(4)
            at = chance.randrange(len(data) + 1)
            if kind == 0 and at < len(data):
                data[at] = chance.choice((0, 1, 2, 4, 255, chance.randrange(256)))
            elif kind == 1:
                del data[at:]
            elif kind == 2:
                data[at:at] = chance.randbytes(chance.randrange(9))
            elif len(data) > at + 2:
                data[at : at + 2] = struct.pack(">H", chance.choice((0, 4, 5, 255, 256, 65535)))
        mutated.append(bytes(data))
    with pytest.MonkeyPatch.context() as patch:
        both(mutated, np.array([chance.randrange(2) for _ in mutated], np.int32), patch, n_slots=16, most_fields=12)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_mutated_datagrams_under_sanitizers(tmp_path: Path) -> None:
    kernels = Path(loops.__file__).parent
    program = tmp_path / "fuzz"
    sanitize = ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"]
    sources = [str(Path(__file__).parent / "fuzz_netflow.c"), str(kernels / "netflow.c")]
    command = ["gcc", "-std=c99", "-O1", "-g", *sanitize, "-include", "stdint.h", f"-I{kernels}", *sources]
    made = subprocess.run([*command, "-lm", "-o", str(program)], capture_output=True, text=True)
    if made.returncode and "sanitize" in made.stderr:
        pytest.skip("gcc has no sanitizers here")
    assert made.returncode == 0, made.stderr
    seeds = []
    for i, datagram in enumerate(DATAGRAMS):
        seeds.append(tmp_path / f"{i}.bin")
        seeds[-1].write_bytes(datagram)
    run = subprocess.run([str(program), "200000", *map(str, seeds)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout.split()[0]) > 10_000
