"""What a verdict changes: which event or row is asked about next, what is hidden, and in the end the model."""

from __future__ import annotations

from amiss.feedback.event_queue import EventQueue
from amiss.feedback.queued import QueuedEvent, QueueState, SimilarEvent
from amiss.feedback.triage import RowQuestion, TriageRanker
from amiss.feedback.verdict_log import TAKEN_BACK

__all__ = ["TAKEN_BACK", "EventQueue", "QueueState", "QueuedEvent", "RowQuestion", "SimilarEvent", "TriageRanker"]
