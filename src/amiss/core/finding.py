"""What is handed to people: why a row is odd, and alarms that belong together."""

from __future__ import annotations

import msgspec

__all__ = [
    "Change",
    "Channel",
    "Contribution",
    "Event",
    "Evidence",
    "Explanation",
    "FullExplanation",
    "Measure",
    "NearRow",
]


class Contribution(msgspec.Struct, frozen=True):
    """What one column has to do with a row's score.

    Attributes
    ----------
    column
        Its name.
    share
        Its share of what speaks against the row, in [0, 1].
    value
        The row's value: a number, a word, or None where missing.
    usual
        The usual range or kinds, in words.
    """

    column: str
    share: float
    value: float | str | None
    usual: str


class Explanation(msgspec.Struct, frozen=True):
    """Why a row has its score.

    Attributes
    ----------
    row
        Position of the row, from 0.
    score, p_value
        As in the result.
    is_anomaly
        The decision.
    reason
        One sentence.
    contributions
        Columns, the one most to blame first.
    """

    row: int
    score: float
    p_value: float
    is_anomaly: bool
    reason: str
    contributions: tuple[Contribution, ...]

    def __str__(self) -> str:
        return self.reason


class NearRow(msgspec.Struct, frozen=True):
    """A normal row that a row is like.

    Attributes
    ----------
    distance
        To the row explained, in robust standard deviations.
    values
        What it holds, by column: numbers, words, or None where missing.
    shown
        The same, as written in the data.
    """

    distance: float
    values: dict[str, float | str | None]
    shown: dict[str, str]


class Change(msgspec.Struct, frozen=True):
    """A column's value, and one that occurs and would be normal.

    Attributes
    ----------
    column
        Its name.
    value, to
        The row's value, and the other: numbers, words, or None where missing.
    """

    column: str
    value: float | str | None
    to: float | str | None


class FullExplanation(Explanation, frozen=True):
    """What is told of a row on request, beside its explanation.

    Attributes
    ----------
    nearest
        The normal rows that it is most like, the nearest first.
    changes
        The smallest change that makes the row normal; empty where it raises no alarm, or no normal row is known.
    change
        The same in one sentence.
    permutation
        By column, the highest first: how much lower the row scores on average with another row's value in it.
    """

    nearest: tuple[NearRow, ...]
    changes: tuple[Change, ...]
    change: str
    permutation: tuple[tuple[str, float], ...]


class Channel(msgspec.Struct, frozen=True):
    """What one channel of a series does in an event, where it misses most.

    Attributes
    ----------
    column
        Its name.
    share
        Its share of what speaks against the event, in [0, 1].
    kind
        What it does: one of the kinds of `Event`.
    row
        Position of the row where it misses most.
    value
        The value there; None where missing.
    low, high
        Band in which it was expected there.
    """

    column: str
    share: float
    kind: str
    row: int
    value: float | None
    low: float
    high: float


class Measure(msgspec.Struct, frozen=True):
    """One figure that an event of network traffic rests on.

    Attributes
    ----------
    name
        What was measured, such as "ports tried".
    value
        What it was.
    typical
        What it usually is, in words, such as "up to 3"; "" where nothing is known of that.
    unit
        Of the value, "" for a plain number.
    """

    name: str
    value: float
    typical: str = ""
    unit: str = ""


class Evidence(msgspec.Struct, frozen=True):
    """What an event of network traffic rests on.

    Attributes
    ----------
    technique
        Number of the technique in MITRE ATT&CK, such as "T1046"; None where none fits.
    measures
        The figures, the most telling first.
    peers
        The hosts at the other end, those with most flows first, at most ten.
    n_peers
        How many there are in all.
    n_flows
        How many flows belong to it.
    flows
        Positions of some of them, at most ten.
    display_filter
        Cuts out its packets, in the language of Wireshark's display filters.
    capture_filter
        The same for a capture (pcap-filter), which knows no times.
    """

    technique: str | None
    measures: tuple[Measure, ...]
    peers: tuple[str, ...]
    n_peers: int
    n_flows: int
    flows: tuple[int, ...]
    display_filter: str
    capture_filter: str


class Event(msgspec.Struct, frozen=True):
    """Alarms of one entity that lie close together.

    Attributes
    ----------
    first_row, last_row, peak_row
        Positions of the first, the last and the highest alarm.
    n_alarms
        Number of alarms.
    start, end
        Times of the first and last alarm (ISO 8601); None where there is no time. They end in Z, for UTC, where the
        times of the data have a zone or count from 1970; otherwise they are local times as the data have them.
    entity
        Whose alarms they are; None where there is no entity.
    score
        Highest score.
    p_value
        Lowest p-value; None where hosts are told of, whose behaviours have none.
    kind
        In a series, what happened in the channel most to blame: "spike", "dip", "level_shift", "trend_change",
        "variance_change", "contextual", "collective", "stuck", "drift", "dropout", "rare_category", "limit" or "gap";
        None in a table. A gap has no alarm, a score of 0 and a p-value of 1: nothing about it is left to chance.
    reason
        One sentence; in a table that of the highest alarm.
    channels
        In a series, the channels most to blame, the worst first.
    raised, raised_row
        Where rows were judged as they came, when the alarm was raised (ISO 8601, as `start`; None where there is no
        time), and the position of the row that raised it; otherwise None.
    evidence
        Of network traffic, what the event rests on; otherwise None. Its rows are then flows, its entity a host, its
        kind one of those of `amiss.network.behaviours`, or "unusual_flows".
    """

    first_row: int
    last_row: int
    peak_row: int
    n_alarms: int
    start: str | None
    end: str | None
    entity: str | None
    score: float
    p_value: float | None
    kind: str | None = None
    reason: str = ""
    channels: tuple[Channel, ...] = ()
    raised: str | None = None
    raised_row: int | None = None
    evidence: Evidence | None = None
