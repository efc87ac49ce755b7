"""The loops that read packets against their plain twins: the same packets, flows and questions, to the bit."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from amiss.kernels import loops
from amiss.kernels.assembly import FLOW, FRAGMENT, SIDE, TABLE, FlowTable
from amiss.kernels.packets import CAPTURE, INTERFACE, PACKET, QUESTION, PacketReader, dissect, questions
from tests.network.corpus import corpus, mutated

needs_loops = pytest.mark.skipif(not loops.compiled(), reason=f"compiled loops are off: {loops.why_not()}")
SOURCES = Path(__file__).parents[2] / "src" / "amiss" / "kernels"


def read(content, *, step=4096, at_once=64, room=16, idle=1.0, active=20.0):
    """State, counts, packets, flows and questions of a capture in blocks of so many more bytes."""
    reader, table = PacketReader(at_once), FlowTable(idle_timeout=idle, active_timeout=active, capacity=room)
    whole = np.frombuffer(content, np.uint8)
    packets, flows, asked = [], [], []
    at = end = 0
    while end < len(whole):
        end = min(end + step, len(whole))
        while True:
            block = whole[at:end]
            found = reader.read(block)
            flows += [ended.copy() for ended in table.add(found, block)]
            packets.append(found.copy())
            for records, text in questions(block, found):
                for one in records:
                    begin = int(one["name"])
                    rest = [int(one[name]) for name in QUESTION.names if name != "name"]
                    asked.append((text[begin : begin + int(one["name_length"])], *rest))
            done = int(reader.state["done"][0])
            at += done
            if not done:
                break
    flows += [ended.copy() for ended in table.put_out()]
    counts = (table.crowded, table.backwards, table.n_flows)
    both = [np.concatenate([np.zeros(0, kind), *parts]) for kind, parts in ((PACKET, packets), (FLOW, flows))]
    return reader.state, counts, both[0], np.sort(both[1], order="serial"), asked


def assert_same(work):
    fast = work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "lib", None)
        slow = work()
    assert fast[1] == slow[1]
    assert fast[4] == slow[4]
    for a, b in ((fast[0], slow[0]), (fast[2], slow[2]), (fast[3], slow[3])):
        for name in a.dtype.names:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@needs_loops
@pytest.mark.parametrize(
    ("struct", "kind"),
    [
        ("amiss_packet", PACKET), ("amiss_capture", CAPTURE), ("amiss_interface", INTERFACE),
        ("amiss_question", QUESTION), ("amiss_flow", FLOW), ("amiss_side", SIDE), ("amiss_fragment", FRAGMENT),
        ("amiss_table", TABLE),
    ],
)  # fmt: skip
def test_records_are_laid_out_as_in_the_loops(struct, kind):
    size, offsets = loops.layout(struct)
    assert size == kind.itemsize
    assert offsets == {name: field[1] for name, field in kind.fields.items()}


@needs_loops
@pytest.mark.parametrize("step", [1 << 20, 100])
@pytest.mark.parametrize("room", [4, 1000])
def test_captures(step, room):
    for content in corpus():
        assert_same(lambda content=content: read(content, step=step, room=room))


@needs_loops
@pytest.mark.parametrize("seed", range(8))
def test_mutated_captures(seed):
    draw = random.Random(seed)
    captures = corpus()
    for _ in range(25):
        content, step = mutated(draw.choice(captures), draw), draw.choice([50, 777, 1 << 20])
        assert_same(lambda content=content, step=step: read(content, step=step))


@needs_loops
@pytest.mark.parametrize("link", [0, 1, 9, 12, 50, 51, 101, 104, 108, 113, 228, 229, 276, 147])
def test_random_bytes_on_every_link(link):
    draw = random.Random(link)
    for _ in range(200):
        frame = draw.randbytes(draw.randint(0, 120))
        if draw.random() < 0.7:  # so that more than the first header is reached
            frame = frame[: draw.choice([0, 4, 14, 16, 20])] + b"\x45\0\0\x40" + frame[20:]
        original = draw.choice([0, len(frame), 2000, 2**32 - 1])
        fast = dissect(frame, link=link, original=original)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loops, "lib", None)
            slow = dissect(frame, link=link, original=original)
        assert fast[0] == slow[0]
        if not fast[0]:
            assert fast[1].tobytes() == slow[1].tobytes()


def test_a_million_flows_need_no_more_room_than_the_table_has():
    table = FlowTable(capacity=8)
    packets = np.zeros(100, PACKET)
    packets["family"], packets["protocol"], packets["src_port"] = 4, 17, np.arange(100)
    n = sum(len(ended) for ended in table.add(packets, np.zeros(1, np.uint8)))
    assert (n, table.n_flows, table.crowded) == (92, 8, 92)


def test_under_the_sanitizers(tmp_path):
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler")
    program = tmp_path / "replay"
    sources = [SOURCES / f"{name}.c" for name in ("headers", "packets", "questions", "assembly")]
    options = ["-std=c99", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{SOURCES}"]
    build = [compiler, *options, Path(__file__).with_name("replay.c"), *sources, "-lm", "-o", program]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    if built.returncode and "san" in built.stderr:
        pytest.skip(f"the sanitizers are not installed: {built.stderr.splitlines()[0]}")
    assert not built.returncode, built.stderr
    files = []
    for k, content in enumerate(corpus()):
        files.append(tmp_path / f"{k}.pcap")
        files[-1].write_bytes(content)
    done = subprocess.run([program, "20000", "1", *files], capture_output=True, text=True, timeout=300, check=False)
    assert not done.returncode, done.stderr
    assert done.stdout.startswith("20000 captures")
