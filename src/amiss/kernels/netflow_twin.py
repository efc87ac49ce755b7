"""The plain reading of flow exports, which the compiled loop must agree with, and which serves where there is none."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from amiss.core.summary import Matrix

__all__ = ["Twin"]

Whole = npt.NDArray[np.int64]
_VARIES, _REVERSE = 65535, 29305
_ELEMENTS = {
    1: "bytes", 85: "bytes", 231: "bytes", 2: "packets", 86: "packets", 298: "packets", 4: "protocol", 6: "flags",
    7: "src_port", 180: "src_port", 182: "src_port", 8: "src4", 11: "dst_port", 181: "dst_port", 183: "dst_port",
    12: "dst4", 21: "end_up", 22: "start_up", 23: "bytes_after", 24: "packets_after", 27: "src6", 28: "dst6",
    32: "icmp_both", 139: "icmp_both", 34: "sampling", 305: "sampling", 58: "vlan", 243: "vlan", 150: "start_s",
    151: "end_s", 152: "start_ms", 153: "end_ms", 154: "start_ntp", 156: "start_ntp", 155: "end_ntp", 157: "end_ntp",
    158: "start_ago", 159: "end_ago", 160: "boot_ms", 161: "lasted_ms", 162: "lasted_us", 176: "icmp_type",
    178: "icmp_type", 177: "icmp_code", 179: "icmp_code", 232: "bytes_back", 299: "packets_back",
}  # fmt: skip
_BACK = {1: "bytes_back", 85: "bytes_back", 2: "packets_back", 86: "packets_back", 6: "flags_back"}
_SAYINGS = (
    "", "src4", "dst4", "src6", "dst6", "src_port", "dst_port", "protocol", "flags", "flags_back", "packets", "bytes",
    "packets_after", "bytes_after", "packets_back", "bytes_back", "vlan", "sampling", "icmp_both", "icmp_type",
    "icmp_code", "start_up", "end_up", "start_s", "end_s", "start_ms", "end_ms", "start_ntp", "end_ntp", "start_ago",
    "end_ago", "boot_ms", "lasted_ms", "lasted_us",
)  # fmt: skip
_RECORDS, _WAITING, _TOO_MANY, _LEARNT, _USED, _FORGOTTEN = range(6)


class Twin:
    """The loop of `netflow.c`, step by step; its arrays are those of `netflow.h`, and are written to."""

    def __init__(
        self,
        slots: Whole,
        fields: npt.NDArray[np.int32],
        counts: Whole,
        data: bytes,
        reals: Matrix,
        wholes: npt.NDArray[np.int32],
        addresses: npt.NDArray[np.uint8],
        told: Whole,
        waiting: Whole,
    ) -> None:
        self.slots, self.fields, self.counts, self.data = slots, fields, counts, data
        self.reals, self.wholes, self.addresses, self.told, self.waiting = reals, wholes, addresses, told, waiting
        self.most_fields = fields.shape[1] // 2
        counts[: _LEARNT + 1] = 0

    def run(self, offsets: Whole, exporter: npt.NDArray[np.int32]) -> int:
        """Read the datagrams; how many the room sufficed for."""
        counts = self.counts
        for i in range(len(exporter)):
            at, end = int(offsets[i]), int(offsets[i + 1])
            if end - at > len(self.reals) - counts[_RECORDS]:
                return i
            self.i, self.exporter = i, int(exporter[i])
            self.told[i] = 0
            if end - at < 2:
                self.told[i, 4] = 1
                continue
            self.version = self._number(at, 2)
            self.told[i, 0] = self.version
            header = {5: 24, 9: 20, 10: 16}.get(self.version)
            if header is None or end - at < header:
                self.told[i, 4] = 2 if header is None else 1
                continue
            self.uptime = float(self._number(at + 4, 4))
            if self.version == 5:
                self._version_5(at, end)
            else:
                self._header(at, end)
        return len(exporter)

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self.data[at : at + width], "big")

    def _header(self, at: int, end: int) -> None:
        told = self.told[self.i]
        if self.version == 9:
            self.sent, told[2], self.domain = (float(self._number(at + 8, 4)), self._number(at + 12, 4),
                                               self._number(at + 16, 4))  # fmt: skip
            start = at + 20
        else:
            length = self._number(at + 2, 2)
            self.sent, told[2], self.domain = (float(self._number(at + 4, 4)), self._number(at + 8, 4),
                                               self._number(at + 12, 4))  # fmt: skip
            if length < 16 or length > end - at:
                told[4] = 3
            elif length < end - at:
                end = at + length
            start = at + 16
        told[1] = self.domain
        self._sets(start, end)

    def _version_5(self, at: int, end: int) -> None:
        told = self.told[self.i]
        self.sent = float(self._number(at + 8, 4)) + self._number(at + 12, 4) / 1e9
        told[1], told[2] = self._number(at + 20, 2), self._number(at + 16, 4)
        sampling = self._number(at + 22, 2) & 0x3FFF
        mapped = bytes(10) + b"\xff\xff"
        for i in range(self._number(at + 2, 2)):
            b = at + 24 + 48 * i
            if end - b < 48:
                told[4] = 3
                return
            said = {
                "packets": self._number(b + 16, 4), "bytes": self._number(b + 20, 4),
                "start_up": self._number(b + 24, 4), "end_up": self._number(b + 28, 4),
                "src_port": self._number(b + 32, 2), "dst_port": self._number(b + 34, 2), "flags": self.data[b + 37],
                "protocol": self.data[b + 38],
            }  # fmt: skip
            if sampling:
                said["sampling"] = sampling
            told[3] += 1
            ends = mapped + self.data[b : b + 4] + mapped + self.data[b + 4 : b + 8]
            self._keep({key: float(value) for key, value in said.items()}, ends)

    def _slot_of(self, template: int) -> int:
        key, size, wide = self.version << 16 | template, len(self.slots), (1 << 64) - 1
        mix = (self.exporter * 0x9E3779B97F4A7C15 & wide) ^ (self.domain * 0xC2B2AE3D27D4EB4F & wide)
        mix ^= key * 0x165667B19E3779F9 & wide
        mix ^= mix >> 29
        place = mix & (size - 1)
        while True:
            slot = self.slots[place]
            if not slot[0] or (slot[0], slot[1], slot[2]) == (self.exporter + 1, self.domain, key):
                return place
            place = (place + 1) & (size - 1)

    def _slot_for(self, template: int) -> int:
        place, counts = self._slot_of(template), self.counts
        if not self.slots[place, 0]:
            if 4 * (counts[_USED] + 1) > 3 * len(self.slots):
                self.slots[:] = 0
                counts[_USED] = 0
                counts[_FORGOTTEN] += 1
                place = self._slot_of(template)
            counts[_USED] += 1
            self.slots[place, :3] = self.exporter + 1, self.domain, self.version << 16 | template
        return place

    def _sets(self, at: int, end: int) -> None:
        told, counts = self.told[self.i], self.counts
        template_set = 0 if self.version == 9 else 2
        while end - at >= 4:
            kind, length, wrong, more = self._number(at, 2), self._number(at + 2, 2), 0, 0
            if length < 4:
                told[4] = 4
                return
            if length > end - at:
                length, wrong = end - at, 3
            stop = at + length
            if kind in (template_set, template_set + 1):
                more = self._templates(at + 4, stop, options=kind != template_set)
            elif kind >= 256:
                place = self._slot_of(kind)
                slot = self.slots[place]
                if slot[0] and slot[3] > 0:
                    more = self._records(at + 4, stop, place)
                elif counts[_WAITING] < len(self.waiting):
                    self.waiting[counts[_WAITING]] = self.i, at, length
                    counts[_WAITING] += 1
                else:
                    counts[_TOO_MANY] += 1
            else:
                more = 4
            if not told[4]:
                told[4] = wrong or more
            at = stop

    def _templates(self, at: int, end: int, *, options: bool) -> int:
        while end - at >= 4:
            template, n = self._number(at, 2), self._number(at + 2, 2)
            if template == 0 and n == 0:
                return 0
            withdrawn = self.version == 10 and n == 0
            head = 6 if options and not withdrawn else 4
            if template < 256 or end - at < head:
                return 5
            if options and self.version == 9:
                rest = self._number(at + 4, 2)
                if n % 4 or rest % 4:
                    return 5
                n = (n + rest) // 4
            place = self._slot_for(template)
            slot, field = self.slots[place], self.fields[place]
            slot[3] = -1
            at += head
            length, varies, said = 0, False, set()
            for i in range(n):
                if end - at < 4:
                    return 5
                element, width, enterprise = self._number(at, 2), self._number(at + 2, 2), 0
                at += 4
                if self.version == 10 and element & 0x8000:
                    if end - at < 4:
                        return 5
                    element, enterprise = element & 0x7FFF, self._number(at, 4)
                    at += 4
                if i >= self.most_fields:
                    continue
                what = _BACK.get(element, "") if enterprise == _REVERSE else ""
                what = what if enterprise else _ELEMENTS.get(element, "")
                said.add(what)
                varying = self.version == 10 and width == _VARIES
                varies |= varying
                length += 1 if varying else width
                field[2 * i : 2 * i + 2] = _SAYINGS.index(what), width
            if n > self.most_fields or (not withdrawn and not length):
                return 5
            flows = not options and bool(said & {"src4", "src6"}) and bool(said & {"dst4", "dst6"})
            slot[3:] = -1 if withdrawn else n, 0 if varies else length, flows
            self.counts[_LEARNT] += not withdrawn
        return 0

    def _records(self, at: int, end: int, place: int) -> int:
        n_fields, fixed, flows = (int(value) for value in self.slots[place, 3:])
        field = self.fields[place].tolist()
        while end - at >= (fixed or 1):
            first, said, ends = at, dict[str, float](), bytearray(32)
            for i in range(n_fields):
                what, width = _SAYINGS[field[2 * i]], field[2 * i + 1]
                if not fixed and width == _VARIES:
                    if end - at < 1:
                        return 0
                    width, at = self.data[at], at + 1
                    if width == 255:
                        if end - at < 2:
                            return 3
                        width, at = self._number(at, 2), at + 2
                if end - at < width:
                    return 3 if fixed or at - first > 3 else 0
                value, at = self.data[at : at + width], at + width
                _heed(what, value, said, ends)
            if at == first:
                return 4
            self.told[self.i, 3] += 1
            if flows:
                self._keep(said, bytes(ends))
        return 0

    def _keep(self, said: dict[str, float], ends: bytes) -> None:
        n = int(self.counts[_RECORDS])
        self.counts[_RECORDS] += 1
        self.addresses[n] = np.frombuffer(ends, np.uint8)
        start, end = self._times(said)
        packets = said.get("packets", said.get("packets_after", math.nan))
        size = said.get("bytes", said.get("bytes_after", math.nan))
        back = (said.get(name, math.nan) for name in ("packets_back", "bytes_back", "sampling"))
        self.reals[n] = start, end, packets, size, *back
        ports = [_whole(said.get(name), 0, 65535) for name in ("src_port", "dst_port")]
        protocol = _whole(said.get("protocol"), -1, 255)
        if protocol in (1, 58):
            both = _whole(said.get("icmp_both"), -1 if ports[0] else ports[1], 65535)
            if "icmp_type" in said:
                ports = [_whole(said.get(name), 0, 255) for name in ("icmp_type", "icmp_code")]
            elif both >= 0:
                ports = [both >> 8, both & 255]
        flags = [int(math.fmod(said[name], 256.0)) if name in said else -1 for name in ("flags", "flags_back")]
        self.wholes[n] = *ports, protocol, *flags, _whole(said.get("vlan"), 0, 4095), self.exporter, self.i

    def _times(self, said: dict[str, float]) -> tuple[float, float]:
        start, end, lasted = (self._moment(said, which) for which in ("start", "end", "lasted"))
        if math.isnan(start):
            start = (self.sent if math.isnan(end) else end) - (0.0 if math.isnan(lasted) else lasted)
        if math.isnan(end):
            end = start + (0.0 if math.isnan(lasted) else lasted)
        return start, max(start, end)

    def _moment(self, said: dict[str, float], which: str) -> float:
        if which == "lasted":
            if "lasted_ms" in said:
                return said["lasted_ms"] / 1e3
            if "lasted_us" in said:
                return said["lasted_us"] / 1e6
            up = self.version == 10 and "boot_ms" not in said and {"start_up", "end_up"} <= said.keys()
            return _between(said["start_up"], said["end_up"]) / 1e3 if up else math.nan
        if f"{which}_ntp" in said:
            return said[f"{which}_ntp"]
        if f"{which}_ms" in said:
            return said[f"{which}_ms"] / 1e3
        if f"{which}_s" in said:
            return said[f"{which}_s"]
        if f"{which}_ago" in said:
            return self.sent - said[f"{which}_ago"] / 1e6
        up_ms = said.get(f"{which}_up")
        if up_ms is None:
            return math.nan
        if self.version == 10:
            return (said["boot_ms"] + up_ms) / 1e3 if "boot_ms" in said else math.nan
        return self.sent - _between(up_ms, self.uptime) / 1e3


def _heed(what: str, value: bytes, said: dict[str, float], ends: bytearray) -> None:
    """Take in the value of one field."""
    if what in ("src4", "dst4"):
        at = 0 if what == "src4" else 16
        if len(value) == 4 and (any(value) or not any(ends[at : at + 16])):
            ends[at : at + 16] = bytes(10) + b"\xff\xff" + value
    elif what in ("src6", "dst6"):
        at = 0 if what == "src6" else 16
        if len(value) == 16 and any(value):
            ends[at : at + 16] = value
    elif what.endswith("_ntp"):
        if len(value) == 8:
            whole, part = int.from_bytes(value[:4], "big"), int.from_bytes(value[4:], "big")
            said[what] = whole - 2208988800.0 + part / 4294967296.0
    elif what and 1 <= len(value) <= 8:
        said[what] = float(int.from_bytes(value, "big"))


def _between(start: float, end: float) -> float:
    gap = math.fmod(end - start, 4294967296.0)
    gap = gap + 4294967296.0 if gap < 0 else gap
    return gap if gap < 2147483648.0 else gap - 4294967296.0


def _whole(value: float | None, absent: int, most: int) -> int:
    return absent if value is None or value > most else int(value)
