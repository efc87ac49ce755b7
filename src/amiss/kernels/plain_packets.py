"""The twin of packets.c and questions.c: one capture's packets, plainly, a record and a header at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from amiss.kernels.plain_headers import DAMAGED, OTHER, UNKNOWN, Fields, dissected

__all__ = ["dissect_plainly", "packets_plainly", "questions_plainly"]

Records = npt.NDArray[np.void]

_PCAP, _PCAPNG = 1, 2
_LIMIT, _HUGE = 1 << 20, 1 << 28
_MOST_INTERFACES = 256
_LATEST = 8_589_934_592
_SECTION, _SECTION_MAGIC = 0x0A0D0D0A, 0x1A2B3C4D
_QUESTIONS_A_MESSAGE, _NAME_LENGTH, _JUMPS = 16, 255, 32
_PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789-_"
_COUNTED = {OTHER: "other", DAMAGED: "damaged", UNKNOWN: "unknown"}


def dissect_plainly(frame: bytes, original: int, link: int, packet: Any) -> int:
    """Write one packet's record; 0, or why it can be part of no flow."""
    reason, fields = dissected(frame, original, link)
    _write(packet, fields)
    return reason


def _write(packet: Any, fields: Fields) -> None:
    for name in packet.dtype.names:
        value = fields.get(name, -1 if name == "flow" else 0)
        packet[name] = np.frombuffer(value.ljust(16, b"\0"), np.uint8) if isinstance(value, bytes) else value


def packets_plainly(block: npt.NDArray[np.uint8], state: Any, packets: Records) -> int:
    """Write the packets from the beginning of a block on; how many."""
    file = _File(block.tobytes(), state)
    if not state["form"] and not file.recognise():
        return 0
    while state["form"] > 0 and not state["trouble"]:
        passed = min(int(state["skip"]), file.left())
        file.forward(passed)
        state["skip"] -= passed
        if state["skip"]:
            break
        file.records(packets)
        if not state["skip"]:
            break
    return file.n


class _File:
    """The frames around packets, in one block."""

    def __init__(self, content: bytes, state: Any) -> None:
        self.content, self.state, self.n = content, state, 0
        state["done"] = 0
        self.at = 0

    def left(self) -> int:
        return len(self.content) - self.at

    def forward(self, n: int) -> None:
        self.at += n
        self.state["done"] = self.at

    def number(self, at: int, width: int = 4) -> int:
        order = "big" if self.state["swapped"] else "little"
        return int.from_bytes(self.content[self.at + at : self.at + at + width], order)  # type: ignore[arg-type]

    def recognise(self) -> bool:
        content, state = self.content, self.state
        if len(content) < 4:
            return False
        magics = {"little": int.from_bytes(content[:4], "little"), "big": int.from_bytes(content[:4], "big")}
        if magics["big"] == _SECTION:
            state["form"] = _PCAPNG
            return True
        order = next((order for order, magic in magics.items() if magic in (0xA1B2C3D4, 0xA1B23C4D)), None)
        if order is None:
            state["form"] = -1
            return False
        if len(content) < 24:
            return False
        state["form"], state["swapped"], state["n_interfaces"] = _PCAP, order == "big", 1
        interface = state["interfaces"][0]
        interface["link"] = self.number(20) & 0xFFFF
        interface["snap"] = self.number(16)
        interface["resolution"] = 9 if magics[order] == 0xA1B23C4D else 6
        self.forward(24)
        return True

    def records(self, packets: Records) -> None:
        one = self._pcap_record if self.state["form"] == _PCAP else self._block
        while self.n < len(packets) and one(packets):
            pass

    def _pcap_record(self, packets: Records) -> bool:
        """Read one record; whether another may follow in the block."""
        if self.left() < 16:
            return False
        kept, original = self.number(8), self.number(12)
        interface = self.state["interfaces"][0]
        if kept > _LIMIT:
            if kept > _HUGE or kept > interface["snap"]:
                self.state["trouble"] = 1
            else:
                self._count("damaged")
                self.state["skip"] = 16 + kept
            return False
        if self.left() < 16 + kept:
            return False
        fine = 1 if interface["resolution"] == 9 else 1000
        time = self.number(0) * 1_000_000_000 + self.number(4) * fine
        self._take(packets, 16, kept, original, time, interface)
        self.forward(16 + kept)
        return True

    def _block(self, packets: Records) -> bool:
        """Read one block of a pcapng; whether another may follow."""
        state = self.state
        if self.left() < 12:
            return False
        start = self.content[self.at : self.at + 12]
        if start[:4] == _SECTION.to_bytes(4, "big"):
            orders = [order for order in ("little", "big") if start[8:] == _SECTION_MAGIC.to_bytes(4, order)]
            if not orders:
                state["trouble"] = 1
                return False
            state["swapped"], state["n_interfaces"] = orders[0] == "big", 0
            state["sections"] += 1
        kind, total = self.number(0), self.number(4)
        if total < 12 or total % 4 or total > _HUGE << 2:
            state["trouble"] = 1
            return False
        if kind not in (1, 2, 3, 6) or total > _LIMIT:
            if kind in (2, 3, 6):
                self._count("damaged")
            there = min(total, self.left())
            self.forward(there)
            state["skip"] = total - there
            return total == there
        if self.left() < total:
            return False
        if kind == 1:
            self._interface(total)
        else:
            self._packet(packets, kind, total)
        self.forward(total)
        return True

    def _interface(self, total: int) -> None:
        state = self.state
        if state["n_interfaces"] >= _MOST_INTERFACES or total < 20:
            state["n_interfaces"] += 1
            return
        interface = state["interfaces"][int(state["n_interfaces"])]
        state["n_interfaces"] += 1
        values = {"zero": 0, "link": self.number(8, 2), "snap": self.number(12), "resolution": 6, "unused": 0}
        at = 16
        while at + 4 <= total - 4:
            code, length = self.number(at, 2), self.number(at + 2, 2)
            if not code or at + 4 + length > total - 4:
                break
            if code == 9 and length == 1:
                values["resolution"] = self.number(at + 4, 1)
            if code == 14 and length == 8:
                values["zero"] = (self.number(at + 4, 8) + (1 << 63)) % (1 << 64) - (1 << 63)
            at += 4 + (length + 3) // 4 * 4
        for name, value in values.items():
            interface[name] = value

    def _packet(self, packets: Records, kind: int, total: int) -> None:
        head = 12 if kind == 3 else 28
        which = self.number(8) if kind == 6 else self.number(8, 2) if kind == 2 else 0
        if total < head + 4 or which >= min(int(self.state["n_interfaces"]), _MOST_INTERFACES):
            self._count("damaged")
            return
        interface = self.state["interfaces"][which]
        original = self.number(8 if kind == 3 else 24)
        kept = original if kind == 3 else self.number(20)
        if kind == 3 and interface["snap"]:
            kept = min(kept, int(interface["snap"]))
        time = int(self.state["time"])
        if kind != 3:
            time = nanoseconds(
                self.number(12) << 32 | self.number(16), int(interface["resolution"]), int(interface["zero"])
            )
        self._take(packets, head, min(kept, total - head - 4), original, time, interface)

    def _take(self, packets: Records, head: int, kept: int, original: int, time: int, interface: Any) -> None:
        state, begin = self.state, self.at + head
        state["records"] += 1
        state["time"] = time
        state["shortened"] += original > kept
        reason, fields = dissected(self.content[begin : begin + kept], original, int(interface["link"]))
        if reason:
            state[_COUNTED[reason]] += 1
            if reason == UNKNOWN:
                state["link"] = interface["link"]
            return
        _write(packets[self.n], {**fields, "time": time, "start": fields["start"] + begin})
        self.n += 1

    def _count(self, what: str) -> None:
        self.state["records"] += 1
        self.state[what] += 1


def nanoseconds(stamp: int, resolution: int, zero: int) -> int:
    """Nanoseconds since 1970 of a time of pcapng; what lies outside 1970 to 2242 is moved to the edge."""
    power = resolution & 0x7F
    if resolution & 0x80:
        second, rest = stamp >> power, stamp & ((1 << power) - 1)
        down = max(power - 33, 0)
        fine = ((rest >> down) * 1_000_000_000) >> (power - down)
    else:
        unit = 10 ** min(power, 19)
        second, rest = divmod(stamp // 10 ** max(power - 19, 0), unit)
        fine = rest * 1_000_000_000 // unit
    whole = min(second, _LATEST) + min(max(zero, -_LATEST), _LATEST)
    return min(max(whole, 0), _LATEST) * 1_000_000_000 + fine


def questions_plainly(
    block: npt.NDArray[np.uint8], packets: Records, kind: np.dtype[Any]
) -> list[tuple[Records, bytes]]:
    """Questions to name servers in packets of a block, and the text that their names lie in."""
    rows, text = [], b""
    for number, packet in enumerate(packets):
        if packet["kind"] != 1 or packet["again"]:
            continue
        start = int(packet["start"])
        message = block[start : start + int(packet["captured"])].tobytes()
        if packet["protocol"] == 6:
            message = message[2 : 2 + int.from_bytes(message[:2], "big")]
        for name, *rest in _asked(message):
            rows.append((number, len(text), len(name), *rest))
            text += name
    if not rows:
        return []
    found: Records = np.array(rows, kind)
    return [(found, text)]


def _asked(message: bytes) -> list[tuple[Any, ...]]:
    """Name, type, number, whether an answer, code and place of each question."""
    if len(message) < 12:
        return []
    number, flags, asked = (int.from_bytes(message[at : at + 2], "big") for at in (0, 2, 4))
    if flags & 0x7800:
        return []
    found: list[tuple[Any, ...]] = []
    at = 12
    for place in range(min(asked, _QUESTIONS_A_MESSAGE)):
        read = _name(message, at)
        if read is None or read[1] + 4 > len(message):
            break
        name, at = read
        found.append((name, int.from_bytes(message[at : at + 2], "big"), number, flags >> 15, flags & 15, place))
        at += 4
    return found


def _name(message: bytes, at: int) -> tuple[bytes, int] | None:
    """The name at a place, in lower case, and where what follows it begins; None where it makes no sense."""
    labels: list[bytes] = []
    length = after = jumps = 0
    while at < len(message):
        size = message[at]
        if not size:
            return b".".join(labels), after or at + 1
        if size >= 0xC0:
            if at + 1 >= len(message):
                return None
            to = (size & 0x3F) << 8 | message[at + 1]
            after = after or at + 2
            jumps += 1
            if to >= at or jumps > _JUMPS:
                return None
            at = to
            continue
        length += size + (1 if labels else 0)
        if size > 63 or at + 1 + size > len(message) or length > _NAME_LENGTH:
            return None
        label = message[at + 1 : at + 1 + size].lower()
        labels.append(bytes(c if c in _PLAIN else ord("?") for c in label))
        at += 1 + size
    return None
