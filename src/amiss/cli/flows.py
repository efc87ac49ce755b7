"""`amiss flows`: who spoke with whom in captures of packets, as a table."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amiss.cli import options
from amiss.cli.options import Form
from amiss.cli.show import check_places, progress_bar, terminal
from amiss.cli.streams import as_json_text, say
from amiss.core.errors import AmissError, ConnectorError, DataError, ParameterError

if TYPE_CHECKING:
    import polars as pl

    from amiss.core.source import Progress

__all__ = ["flows"]

_LISTED = 10
_LISTED_COLUMNS = (
    "time", "duration", "src_ip", "src_port", "dst_ip", "dst_port", "protocol", "service", "server_name", "state",
    "packets_out", "packets_in", "bytes_out", "bytes_in",
)  # fmt: skip

Seconds = Annotated[
    str | None,
    typer.Option(
        "--idle-timeout", metavar="TIME", help="A flow without a packet for so long has ended: 120s, 2m. Default 120s."
    ),
]
Listening = Annotated[
    str | None,
    typer.Option("--for", metavar="TIME", help="How long to listen at an interface: 60s, 10m; until Ctrl-C if absent."),
]
Longest = Annotated[
    str | None,
    typer.Option("--active-timeout", metavar="TIME", help="A flow that goes on for longer is divided. Default 1800s."),
]
Target = Annotated[Path | None, options.table_to_write("Write all flows with their statistics")]
Listed = Annotated[
    int | None,
    typer.Option("--top", metavar="N", min=0, help="Flows to list, those with most bytes first; by default 10."),
]


def flows(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Captures (pcap, pcapng), or folders; - is standard input.")
    ],
    output: Target = None,
    form: options.Format = Form.table,
    top: Listed = None,
    idle_timeout: Seconds = None,
    active_timeout: Longest = None,
    listen: Listening = None,
) -> None:
    """Put the packets of captures together to flows, with statistics and the names that were asked for.

    Reads pcap and pcapng, also gzipped, of any size, and logs of traffic; pcap+live:eth0 listens at that interface.
    With several files or a folder, a column "file" says where each flow is from. --format ndjson and csv print all
    flows, unless --top is given; table and json the largest and counts.

    \b
    Examples:
      amiss flows capture.pcap
      amiss flows capture.pcap -o flows.parquet
      amiss flows captures/ -o flows.csv.gz --idle-timeout 60s
      cat capture.pcap | amiss flows - --format ndjson
    """
    from amiss.io.captures.opening import files_of

    if files.count("-") > 1:
        raise ParameterError("standard input can be read only once", mend="name - once, and files beside it")
    check_places(files, output, None)
    if output is None and sys.stdout is None:
        raise ConnectorError("standard output is closed", mend="send it somewhere, or to /dev/null")
    timeouts = _timeouts(idle_timeout, active_timeout)
    found = list(files_of(files))
    if not found:
        raise DataError("there are no files in the folder", where=", ".join(files), mend="name captures")
    reading = _Reading(found, timeouts, options.seconds_of(listen))
    with progress_bar() as progress:
        if output is not None:
            from amiss.io.files.sink import write_table

            n_flows = write_table(output, reading.tables(progress))
            say(f"{_many(n_flows, 'flow')}: {output}")
        elif form in (Form.ndjson, Form.csv) and top is None:
            _print_all(reading.tables(progress), form)
        else:
            listed = _Largest(_LISTED if top is None else top)
            for table in reading.tables(progress):
                listed.add(table)
    if output is None and not (form in (Form.ndjson, Form.csv) and top is None):
        listed.print(form)
        sys.stdout.flush()
    if reading.failures:
        raise reading.failures[0]


def _timeouts(idle: str | None, active: str | None) -> dict[str, float]:
    found = {"idle_timeout": options.seconds_of(idle), "active_timeout": options.seconds_of(active)}
    for name, seconds in found.items():
        if seconds is not None and not 1e-6 <= seconds <= 1e9:
            raise ParameterError(f"--{name.replace('_', '-')} is {seconds:g} seconds", mend="give a time above 0")
    return {name: seconds for name, seconds in found.items() if seconds is not None}


class _Reading:
    """The flows of several files, one after the other; what cannot be read is told, and the others go on."""

    def __init__(self, found: list[tuple[str, bool]], timeouts: dict[str, float], seconds: float | None) -> None:
        self._found, self._timeouts, self._seconds = found, timeouts, seconds
        self.failures: list[AmissError] = []

    def tables(self, progress: Progress) -> Iterator[pl.DataFrame]:
        """Tables of flows; raises the first error if nothing at all was read."""
        n_tables = 0
        for path, named in self._found:
            try:
                for table in self._of_file(path, progress):
                    n_tables += 1
                    yield table
            except AmissError as error:
                # What lies in a folder beside captures is no error of anyone's.
                if named or not isinstance(error, DataError):
                    self.failures.append(error)
                if len(self._found) > 1 or not named:
                    say(f"{path}: left out: {error.what}")
        if not n_tables:
            raise (
                self.failures[0]
                if self.failures
                else DataError("none of the files is a capture", mend="give pcap or pcapng files")
            )

    def _of_file(self, path: str, progress: Progress) -> Iterator[pl.DataFrame]:
        import numpy as np
        import polars as pl

        from amiss.io.traffic import open_flows
        from amiss.network.table import table_of_flows

        source = open_flows(path, seconds=self._seconds, **self._timeouts)
        n_flows = n_packets = 0
        for flows in source.flows(progress):
            n_flows += flows.n_flows
            n_packets += int(np.nansum(flows.packets_out) + np.nansum(flows.packets_in))
            table = table_of_flows(flows).table
            yield table.select(pl.lit(source.name).alias("file"), pl.all()) if len(self._found) > 1 else table
        say("; ".join([f"{source.name}: {_many(n_flows, 'flow')} of {_many(n_packets, 'packet')}", *source.notes]))


def _print_all(tables: Iterator[pl.DataFrame], form: Form) -> None:
    for k, table in enumerate(tables):
        if form is Form.csv:
            sys.stdout.write(table.write_csv(include_header=k == 0))
        else:
            sys.stdout.write(as_json_text(table.write_ndjson()))
    sys.stdout.flush()


class _Largest:
    """The flows with most bytes, and how many there are of each kind, in memory that does not grow with them."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._kept: pl.DataFrame | None = None
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._n_flows = 0

    def add(self, table: pl.DataFrame) -> None:
        import polars as pl

        n_bytes = pl.col("bytes_out") + pl.col("bytes_in")
        n_packets = pl.col("packets_out") + pl.col("packets_in")
        self._n_flows += table.height
        kept = table.select(*(["file"] if "file" in table.columns else []), *_LISTED_COLUMNS)
        whole = kept if self._kept is None else pl.concat([self._kept, kept])
        self._kept = whole.sort(n_bytes, descending=True, maintain_order=True).head(self._n)
        groups = table.group_by("protocol", "service").agg(
            pl.len(), n_packets.sum().alias("packets"), n_bytes.sum().alias("bytes")
        )
        for protocol, service, *counts in groups.iter_rows():
            known = self._counts.setdefault((protocol, service or ""), [0, 0, 0])
            for k, n in enumerate(counts):
                known[k] += n

    def print(self, form: Form) -> None:
        kept = self._kept
        assert kept is not None  # where there is none, reading has ended in an error
        if form is Form.csv:
            sys.stdout.write(kept.write_csv())
        elif form is Form.ndjson:
            sys.stdout.write(as_json_text(kept.write_ndjson()))
        elif form is Form.json:
            _print_json(self._record(kept))
        else:
            self._print_table(kept)

    def _ranked(self) -> list[tuple[tuple[str, str], list[int]]]:
        return sorted(self._counts.items(), key=lambda one: (-one[1][2], one[0]))

    def _record(self, kept: pl.DataFrame) -> dict[str, Any]:
        spoken = [
            {"protocol": protocol, "service": service or None, "flows": n, "packets": packets, "bytes": n_bytes}
            for (protocol, service), (n, packets, n_bytes) in self._ranked()
        ]
        return {"n_flows": self._n_flows, "spoken": spoken, "largest": kept.to_dicts()}

    def _print_table(self, kept: pl.DataFrame) -> None:
        from amiss.report.columns import Column, print_columns

        console = terminal()
        rows = [
            [protocol, service or "?", *(f"{n:,}" for n in counts)] for (protocol, service), counts in self._ranked()
        ]
        heads = [
            Column("protocol"),
            Column("service"),
            *(Column(name, right=True) for name in ("flows", "packets", "bytes")),
        ]
        console.print(_many(self._n_flows, "flow"), highlight=False)
        print_columns(console, heads, rows)
        if not kept.height:
            return
        console.print(f"\nthe {kept.height:,} largest" if kept.height > 1 else "\nthe largest", highlight=False)
        columns = [
            Column("time"), Column("from"), Column("to"), Column("protocol"), Column("service", drop=2),
            Column("server", drop=1), Column("state", drop=3), Column("packets out", right=True, drop=4),
            Column("in", right=True, drop=4), Column("bytes out", right=True), Column("in", right=True),
        ]  # fmt: skip
        print_columns(console, columns, [_listed(row) for row in kept.iter_rows(named=True)])


def _many(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def _listed(row: dict[str, Any]) -> list[str]:
    from amiss.core.written import readable

    def place(end: str) -> str:
        port = row[f"{end}_port"]
        return f"{row[f'{end}_ip']} {port}" if row["protocol"] in ("tcp", "udp", "sctp") else str(row[f"{end}_ip"])

    time = row["time"].strftime("%Y-%m-%d %H:%M:%S") if row["time"] is not None else ""
    counts = [f"{row[name]:,}" for name in ("packets_out", "packets_in", "bytes_out", "bytes_in")]
    words = [row["protocol"], row["service"], row["server_name"], row["state"]]
    return [time, place("src"), place("dst"), *(readable(word or "") for word in words), *counts]


def _print_json(record: dict[str, Any]) -> None:
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
    sys.stdout.write(as_json_text(text) + "\n")
