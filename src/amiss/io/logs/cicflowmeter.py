"""CICFlowMeter's table of flows, in the spellings of its versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from amiss.core.frame import Frame
from amiss.io.logs.lines import Log, whole_lines, without_zone
from amiss.io.logs.parts import FLOWS, Parts, fitted
from amiss.network.addresses import address_of
from amiss.network.flows import STATES, TCP
from amiss.network.pairing import states_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["CicFlowMeter"]

_SPELLINGS = {
    "src": ("srcip", "sourceip"), "dst": ("dstip", "destinationip", "destip"), "src_port": ("srcport", "sourceport"),
    "dst_port": ("dstport", "destinationport", "destport"), "protocol": ("protocol",), "start": ("timestamp",),
    "duration": ("flowduration",), "packets_out": ("totfwdpkts", "totalfwdpackets", "totalfwdpacket"),
    "packets_in": ("totbwdpkts", "totalbackwardpackets", "totalbwdpackets"),
    "payload_out": ("totlenfwdpkts", "totallengthoffwdpackets", "totallengthoffwdpacket"),
    "payload_in": ("totlenbwdpkts", "totallengthofbwdpackets", "totallengthofbwdpacket"), "uid": ("flowid",),
    "label": ("label",),
}  # fmt: skip
_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "hopopt": 0}
_TEXT = ("uid", "src", "dst", "start", "label", "protocol")


class CicFlowMeter:
    """Flows with some eighty statistics, which are kept as `Flows.statistics`; the label too.

    Only tables with addresses are flows here: those published without them stay tables. Lengths are those of payloads;
    bytes of IP are not told of. Times without a zone are taken for UTC.
    """

    name: ClassVar = "CICFlowMeter"

    @staticmethod
    def recognises(start: bytes) -> bool:
        """Whether a file that begins so is such a table, and its addresses are addresses."""
        lines = start.replace(b"\r", b"").replace(b'"', b"").split(b"\n", 2)
        names = _named(lines[0])
        if not {"src", "dst", "duration", "packets_out"} <= set(names.values()) or len(lines) < 2:
            return False
        cells = lines[1].decode("utf-8", "replace").split(",")
        at = list(names.values()).index("src")
        # Some are published with numbers in place of addresses: they name no hosts.
        return not lines[1] or (at < len(cells) and address_of(cells[at].strip()) is not None)

    def read(self, log: Log, parts: Parts) -> None:
        """Add what the table tells to the parts."""
        names: dict[str, str] = {}
        reading = ""
        for first, whole in log.blocks():
            block, line = whole.replace(b'"', b""), first
            if not names:
                head, _, block = block.partition(b"\n")
                names, line = _named(head), first + 1
            lines, numbers = whole_lines(log, block, line, b",", len(names))
            if not len(numbers):
                continue
            raw = _table(lines, list(names.values()))
            # A header comes again where tables were put below one another.
            again = raw["src"].str.strip_chars().is_in([key.partition(" ")[2].strip() for key in names])
            again = again.fill_null(value=False)
            raw, numbers = raw.filter(~again), numbers[~again.to_numpy()]
            frame = Frame(raw)
            reading = reading or _day_first(frame)
            log.zoneless |= without_zone(raw["start"])
            table = _flows(raw, frame.times("start", reading))
            whole_rows = table["src"].is_not_null() & table["dst"].is_not_null()
            if not whole_rows.all():
                wrong = int(np.argmin(whole_rows.to_numpy()))
                log.harmed("no address", int(numbers[wrong]), int((~whole_rows).sum()))
            table = table.filter(whole_rows)
            log.n_rows += table.height
            parts.flows.append(table)


def _day_first(frame: Frame) -> str:
    """How the times of a table are read: where day and month cannot be told apart, as this tool writes them."""
    reading = frame.reading("start")[0]
    swapped = reading.replace("%m/%d", "%d/%m")
    n_read, n_swapped = (np.isfinite(frame.times("start", one)).sum() for one in (reading, swapped))
    return swapped if n_swapped >= n_read else reading


def _named(head: bytes) -> dict[str, str]:
    """The names of the columns as written, and what they are here; statistics keep theirs."""
    known = {word: ours for ours, words in _SPELLINGS.items() for word in words}
    found: dict[str, str] = {}
    for i, written in enumerate(head.decode("utf-8", "replace").split(",")):
        ours = known.get(re.sub(r"[^a-z0-9]", "", written.lower()), written.strip())
        found[f"{i} {written}"] = ours if ours not in found.values() else f"{written.strip()} {i}"
    return found


def _table(lines: bytes, names: list[str]) -> pl.DataFrame:
    import polars as pl

    types = {name: pl.String if name in _TEXT else pl.Float64 for name in names}
    raw = pl.read_csv(
        lines, has_header=False, quote_char=None, schema=types, ignore_errors=True, null_values=["", "-"],
        encoding="utf8-lossy",
    )  # fmt: skip
    absent = [name for name in ("start", "uid", "label", "protocol") if name not in names]
    return raw.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)


def _flows(raw: pl.DataFrame, start: np.ndarray[tuple[int], np.dtype[np.float64]]) -> pl.DataFrame:
    import polars as pl

    word = pl.col("protocol").str.strip_chars().str.to_lowercase()
    table = raw.with_columns(
        pl.col("src").str.strip_chars(), pl.col("dst").str.strip_chars(), start=pl.Series(start),
        # Microseconds; the protocol as a number or a word.
        duration=pl.col("duration") / 1e6,
        protocol=pl.coalesce(word.cast(pl.Float64, strict=False), word.replace_strict(_NUMBERS, default=None)),
        label=pl.col("label").str.strip_chars(), uid=pl.lit(None, pl.String),
    )  # fmt: skip
    made = fitted(table, FLOWS)
    unsaid = np.full(made.height, -1)
    tcp = (made["protocol"] == TCP).fill_null(value=False).to_numpy()
    answered = made["packets_in"].fill_null(0).to_numpy() > 0
    codes = states_of(tcp, np.where(answered, unsaid, 2), unsaid, answered, np.zeros(made.height, np.bool_))
    return made.with_columns(pl.Series("state", [STATES[code] for code in codes], pl.String))
