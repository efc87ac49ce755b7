"""Do the behaviours find what is planted, and leave alone what is not? Counted on made-up networks and on captures.

Run: python benchmarks/accuracy/behaviours.py [--runs N] [--hosts N] [--kinds KIND,KIND] [--captures FOLDER]

Each run is an office of its own seed with one planted behaviour beside harmless look-alikes. A planted behaviour is
found where a finding of its kind has most of its flows from it, or most of what was planted. What else is found is
false: most of its flows are planted by nobody. A look-alike is taken for something where most flows of a finding are
its own.

Newcomers are looked for beside another day of the same office; the others have no history.

recall      planted behaviours found, and with the 95 % interval (Wilson)
any kind    planted behaviours of which a finding of any kind tells
false       false findings for each host and day, look-alikes included
look-alikes share of them that raise a finding

Beside the beacons stands RITA's scheme: the mean of how even the times between connections are (Bowley's skew, median
absolute deviation against 30 s, connections against one in ten seconds) and how even the sizes (skew, deviation against
32 bytes, smallness), for pairs of an inside and an outside host with more than 20 connections. Its threshold is set, to
its advantage, on the runs themselves, to as many false findings as asked for and to as many as the behaviour makes.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from amiss.datasets.network import make_network
from amiss.network.behave import find_behaviours
from amiss.network.behaviours._groups import Groups
from amiss.network.exclusions import KINDS
from amiss.network.outcomes import inside
from amiss.network.traffic import Traffic

MOST = 0.5
ASKED_RECALL, ASKED_FALSE, ASKED_ALIKE = 0.95, 1.0, 0.05
PLANTED = tuple(kind for kind in KINDS if kind not in {"unusual_flows", "command_and_control"})


@dataclass
class Counts:
    """What was counted over the runs of one behaviour."""

    planted: int = 0
    found: int = 0
    told: int = 0
    false: int = 0
    alike: int = 0
    alike_told: int = 0
    host_days: float = 0.0
    seconds: float = 0.0
    flows: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)


def overlaps(flows: np.ndarray, record: Any) -> tuple[float, float]:
    """Share of a finding's flows that are a record's, and of the record's that are the finding's."""
    both = len(np.intersect1d(flows, record.flows, assume_unique=True))
    return both / max(len(flows), 1), both / max(len(record.flows), 1)


def belongs(flows: np.ndarray, record: Any) -> bool:
    return max(overlaps(flows, record)) >= MOST


def count(counts: Counts, network: Any, kind: str, usual: Traffic | None = None) -> list[Any]:
    begin = time.process_time()
    found = find_behaviours(network.traffic, usual)
    counts.seconds += time.process_time() - begin
    counts.flows += network.traffic.flows.n_flows
    days = (network.traffic.end - network.traffic.start) / 86_400
    counts.host_days += days * sum(len(hosts) for hosts in network.roles.values())
    for record in network.planted:
        if record.kind != kind:
            continue
        counts.planted += 1
        mine = [one for one in found if belongs(one.flows, record)]
        hit = any(one.kind == kind for one in mine)
        counts.found += hit
        counts.told += bool(mine)
        if not hit:
            counts.missed[f"{getattr(record, 'variant', '')}: {', '.join(one.kind for one in mine) or 'nothing'}"] += 1
    for record in network.look_alikes:
        raised = [one for one in found if overlaps(one.flows, record)[0] >= MOST]
        counts.alike += 1
        counts.alike_told += bool(raised)
        counts.wrong.update(f"{one.kind} of {record.kind} {getattr(record, 'variant', '')}" for one in raised)
    false = [one for one in found if not any(belongs(one.flows, record) for record in network.planted)]
    counts.false += len(false)
    alike = [one for one in false if any(overlaps(one.flows, r)[0] >= MOST for r in network.look_alikes)]
    counts.wrong.update(f"{one.kind} of nothing" for one in false if one not in alike)
    return found


def wilson(k: int, n: int) -> tuple[float, float]:
    if not n:
        return 0.0, 1.0
    z, share = 1.96, k / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def rita(traffic: Traffic) -> list[tuple[float, np.ndarray]]:
    """Score of each pair of an inside and an outside host, and its flows."""
    flows = traffic.flows
    own = inside(flows)
    rows = np.flatnonzero(own[flows.src] & ~own[flows.dst] & ~flows.hosts.groups[flows.dst])
    pairs = Groups.of([flows.src, flows.dst], flows.start, rows)
    watched = max(traffic.end - traffic.start, 1.0)
    out = []
    for group in np.flatnonzero(pairs.sizes > 20):
        mine = pairs.rows(int(group))
        gaps, sizes = np.diff(np.floor(flows.start[mine])), np.nan_to_num(flows.bytes_out[mine])
        values, times = np.unique(sizes, return_counts=True)
        pace = (1 - abs(skew(gaps)), max(1 - spread(gaps) / 30, 0), min(len(mine) / (watched / 10), 1))
        size = (1 - abs(skew(sizes)), max(1 - spread(sizes) / 32, 0), max(1 - values[np.argmax(times)] / 65_535, 0))
        out.append((float(np.mean([np.mean(pace), np.mean(size)])), mine))
    return out


def skew(values: np.ndarray) -> float:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float((low - 2 * middle + high) / (high - low)) if high > low else 0.0


def spread(values: np.ndarray) -> float:
    return float(np.median(np.abs(values - np.median(values))))


def rita_recall(scored: list[tuple[float, bool, int]], planted: int, host_days: float, most_false: float) -> float:
    """Share of beacons above the threshold that lets through no more false ones for each host and day than asked."""
    false = sorted((score for score, mine, _ in scored if not mine), reverse=True)
    allowed = int(most_false * host_days)
    threshold = false[allowed] if allowed < len(false) else -1.0
    return len({which for score, mine, which in scored if mine and score > threshold}) / max(planted, 1)


def kinds(arguments: argparse.Namespace) -> None:
    print("| behaviour | runs | recall | 95 % interval | any kind | false / host-day | look-alikes | s / M flows |")
    print("|---|---|---|---|---|---|---|---|")
    print(f"| asked | | {ASKED_RECALL} | | | {ASKED_FALSE:g} | {ASKED_ALIKE:.0%} | |")
    total, notes, beacons = Counts(), [], []
    for kind in arguments.kinds.split(",") if arguments.kinds else PLANTED:
        counts = Counts()
        for run in range(arguments.runs):
            random = np.random.default_rng([arguments.seed, run])
            network = make_network(
                n_hosts=arguments.hosts, hours=float(random.uniform(3, 6)), behaviours=(kind,),
                seed=arguments.seed + run,
            )  # fmt: skip
            usual = None
            if kind == "newcomer":
                usual = history(arguments.hosts, arguments.seed + run)
            count(counts, network, kind, usual)
            if kind == "beaconing":
                planted = [one for one in network.planted if one.kind == kind]
                for score, mine in rita(network.traffic):
                    which = [i for i, one in enumerate(planted) if overlaps(mine, one)[0] >= MOST]
                    beacons.append((score, bool(which), 1000 * run + which[0] if which else -1))
        low, high = wilson(counts.found, counts.planted)
        print(
            f"| {kind} | {counts.planted} | {counts.found / max(counts.planted, 1):.3f} | {low:.2f}–{high:.2f} "
            f"| {counts.told / max(counts.planted, 1):.3f} | {counts.false / counts.host_days:.3f} "
            f"| {counts.alike_told / max(counts.alike, 1):.1%} | {counts.seconds / counts.flows * 1e6:.1f} |",
            flush=True,
        )
        if kind == "beaconing":
            rates = (ASKED_FALSE, counts.false / counts.host_days)
            reached = [rita_recall(beacons, counts.planted, counts.host_days, rate) for rate in rates]
            print(f"| RITA's scheme | {counts.planted} | {reached[0]:.3f} | | | {rates[0]:g} | | |")
            print(f"| RITA's scheme | {counts.planted} | {reached[1]:.3f} | | | {rates[1]:.3f} | | |")
        notes += [f"{kind} missed, {n} times: {what}" for what, n in counts.missed.most_common(6)]
        total.wrong.update(counts.wrong)
        total.false += counts.false
        total.host_days += counts.host_days
        total.alike += counts.alike
        total.alike_told += counts.alike_told
    print(f"| all | | | | | {total.false / total.host_days:.3f} | {total.alike_told / max(total.alike, 1):.1%} | |\n")
    print("\n".join(notes))
    print("\n".join(f"false, {n} times: {what}" for what, n in total.wrong.most_common(20)))


def history(hosts: int, seed: int) -> Traffic:
    """Another day of the same office, without anything planted."""
    day: Traffic = make_network(n_hosts=hosts, hours=24, seed=seed + 1_000_000, site=seed).traffic
    return day


def captures(folder: Path) -> None:
    from amiss.io.captures.source import CaptureSource

    print("\n| capture | flows | first event | all events |\n|---|---|---|---|")
    for path in sorted([*folder.glob("*.pcap"), *folder.glob("*.pcapng")]):
        traffic = CaptureSource(path).traffic()
        found = [one.kind for one in find_behaviours(traffic)]
        print(f"| {path.name} | {traffic.flows.n_flows} | {found[0] if found else '—'} | {', '.join(found) or '—'} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--hosts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--captures", type=Path)
    arguments = parser.parse_args()
    if arguments.runs:
        kinds(arguments)
    if arguments.captures:
        captures(arguments.captures)


if __name__ == "__main__":
    main()
