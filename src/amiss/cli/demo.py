"""`amiss demo`: a pumping station and an office network of our own making, looked at with no settings."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from amiss.cli.show import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from amiss.core.finding import Event
    from amiss.datasets import Network, Plant
    from amiss.pipeline.network_result import NetworkResult
    from amiss.pipeline.result import Result

__all__ = ["demo"]

_PAGE = b'<meta name="generator" content="amiss">'
_PCAP = b"\xd4\xc3\xb2\xa1"
_LISTED = 8
_HOSTS, _HOURS = 20, 3.0
_PLANTED = ("vertical_scan", "sweep", "brute_force", "beaconing", "dns_tunnel", "web_attack")
_SNAP, _MOST_PACKETS = 512, 2000
"""Of the demo's capture: enough of each packet for what is read in it, and no streams and backups."""


class Part(StrEnum):
    """Which demo."""

    plant = "plant"
    network = "network"


def demo(
    folder: Annotated[
        str, typer.Option("--folder", metavar="DIR", help="Where the data and the reports are put.")
    ] = "amiss-demo",
    only: Annotated[Part | None, typer.Option("--only", help="One of the two, in place of both.")] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of everything random, from 0.")] = 0,
) -> None:
    """Make a plant's history with planted faults and an office's traffic with planted attacks, detect, compare.

    \b
    Examples:
      amiss demo
      amiss demo --only network --folder office --seed 7
    """
    from rich.console import Console

    from amiss.core.errors import ParameterError

    if not folder:
        raise ParameterError("the name of the folder is empty", mend="give --folder DIR")
    console = Console(width=None if Console().is_terminal else 140)
    if only is not Part.network:
        _plant(console, Path(folder), seed)
    if only is None:
        console.print()
    if only is not Part.plant:
        _office(console, Path(folder), seed)


def _plant(console: Console, folder: Path, seed: int) -> None:
    from amiss.datasets import make_plant
    from amiss.io.files.sink import write_table
    from amiss.pipeline.api import detect_source
    from amiss.pipeline.opening import open_source
    from amiss.pipeline.recipe import Recipe
    from amiss.pipeline.result import Result
    from amiss.report.terminal import print_result

    plant = make_plant(seed=seed)
    table = _place(folder / "plant.csv", ",".join(plant.frame.names).encode() + b"\n")
    page = _place(folder / "report.html", _PAGE)
    write_table(table, iter([plant.frame.table]))
    with progress_bar() as progress:
        result = detect_source(open_source(table), Recipe(), progress=progress)
    assert isinstance(result, Result)
    result.report(page)
    print_result(console, result, _LISTED)
    _compare(console, plant, result)
    _say_places(console, "the table: ", table, page)


def _office(console: Console, folder: Path, seed: int) -> None:
    from amiss.datasets import make_network
    from amiss.pipeline.api import detect_source
    from amiss.pipeline.network_result import NetworkResult
    from amiss.pipeline.opening import open_source
    from amiss.pipeline.recipe import Recipe
    from amiss.report.network_table import print_network

    capture, page = _place(folder / "office.pcap", _PCAP), _place(folder / "office.html", _PAGE)
    network = make_network(n_hosts=_HOSTS, hours=_HOURS, behaviours=_PLANTED, seed=seed)
    network.write_pcap(capture, snap=_SNAP, most_packets=_MOST_PACKETS)
    with progress_bar() as progress:
        result = detect_source(open_source(capture), Recipe(), progress=progress)
    assert isinstance(result, NetworkResult)
    result.report(page)
    print_network(console, result, _LISTED)
    _compare_network(console, network, result)
    _say_places(console, "the capture:", capture, page)


def _place(place: Path, mark: bytes) -> Path:
    """A place to write to: nothing that someone else has written is written over."""
    from amiss.core.errors import ConnectorError

    if place.exists() and not (place.is_file() and mark in place.read_bytes()[:500]):
        raise ConnectorError("this is not of amiss demo's making", where=str(place), mend="give another --folder")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _say_places(console: Console, what: str, data: Path, page: Path) -> None:
    console.print(f"\n{what} {data}\nthe report: {page.resolve()}", highlight=False, markup=False, soft_wrap=True)


def _compare(console: Console, plant: Plant, result: Result) -> None:
    from rich.text import Text

    from amiss.report.columns import Column, print_columns

    columns = [
        Column("planted fault"), Column("pump"), Column("from", drop=2), Column("rows", True, 1),
        Column("alarms", True, 3), Column(""),
    ]  # fmt: skip
    rows = []
    n_found = 0
    for fault in plant.faults:
        n_alarms = int(result.is_anomaly[fault.rows].sum())
        n_found += n_alarms > 0
        start = str(fault.start)[:16].replace("T", " ")
        told = f"{fault.kind} in {', '.join(fault.columns)}"
        said = Text("found", style="green") if n_alarms else Text("missed", style="red")
        rows.append((told, fault.pump, start, str(len(fault.rows)), str(n_alarms), said))
    console.print()
    print_columns(console, columns, rows)
    n_beside = sum(not _touches(event, plant) for event in result.events)
    console.print(
        f"\nfound {n_found} of {len(plant.faults)} planted faults; {n_beside} of {len(result.events)} events are "
        f"beside them (asked: {result.promise.asked})",
        highlight=False,
    )


def _touches(event: Event, plant: Plant) -> bool:
    """Whether a planted fault of the event's pump lies in it."""
    return any(
        fault.pump == event.entity and event.first_row <= fault.rows[-1] and event.last_row >= fault.rows[0]
        for fault in plant.faults
    )


def _compare_network(console: Console, network: Network, result: NetworkResult) -> None:
    """What was planted beside what was told of the same hosts at the same time."""
    from rich.text import Text

    from amiss.report.columns import Column, print_columns
    from amiss.report.moments import seconds_of

    def meets(event: Event, start: float, end: float) -> bool:
        first, last = seconds_of(event.start), seconds_of(event.end)
        return first is not None and last is not None and first <= end + 1 and last >= start - 1

    used: set[int] = set()
    rows = []
    for planted in network.planted:
        hosts = {planted.host, *(planted.peers if len(planted.peers) == 1 else ())}
        near = [
            k for k, event in enumerate(result.events)
            if event.entity in hosts and meets(event, planted.start, planted.end)
        ]  # fmt: skip
        used |= set(near)
        kinds = dict.fromkeys((result.events[k].kind or "").replace("_", " ") for k in near)
        told = planted.kind.replace("_", " ")
        said = Text("found", style="green") if told in kinds else Text("told otherwise" if near else "missed", "red")
        rows.append((told, planted.host, ", ".join(kinds), said))
    console.print()
    print_columns(console, [Column("planted"), Column("host"), Column("told"), Column("")], rows)
    n_beside = result.n_events - len(used)
    console.print(f"\n{n_beside} of {result.n_events} events are beside what was planted", highlight=False)
