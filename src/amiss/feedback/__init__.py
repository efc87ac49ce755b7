"""What a verdict changes: which event or row is asked about next, what is hidden, and in the end the model."""

from __future__ import annotations

from amiss.feedback.adaptation import Decision, Trial, judge, should_start
from amiss.feedback.challenger import Challenger, learn_challenger
from amiss.feedback.event_queue import EventQueue
from amiss.feedback.labelled_rows import verdicts_on_rows
from amiss.feedback.queued import QueuedEvent, QueueState, SimilarEvent
from amiss.feedback.triage import RowQuestion, TriageRanker
from amiss.feedback.verdict_log import TAKEN_BACK

__all__ = [
    "TAKEN_BACK",
    "Challenger",
    "Decision",
    "EventQueue",
    "QueueState",
    "QueuedEvent",
    "RowQuestion",
    "SimilarEvent",
    "TriageRanker",
    "Trial",
    "judge",
    "learn_challenger",
    "should_start",
    "verdicts_on_rows",
]  # fmt: skip
