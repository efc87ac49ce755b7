"""Champion and challenger: models of pushed streams are learnt anew from verdicts, tried, and promoted or dropped."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from amiss.core.errors import AmissError
from amiss.feedback import Decision, Trial, judge, learn_challenger, should_start, verdicts_on_rows
from amiss.feedback.verdict_log import VerdictLog
from amiss.pipeline.api import fit_source, load
from amiss.pipeline.model import Model
from amiss.pipeline.opening import open_source
from amiss.server.recent import recent_rows
from amiss.store.records import LabelRecord, ModelRecord
from amiss.store.store import Store
from amiss.stream.clock import Clock

__all__ = ["Adaptation"]

_LOG = logging.getLogger("amiss.server")
_EACH_SECONDS = 60.0
_ROWS = 50_000
"""Rows that are learnt from, and that a trial is about: the last so many."""
_DECIDED = ("anomaly", "normal")


class Adaptation:
    """Looks at the models of pushed streams from time to time.

    Enough new verdicts, or a drift that the watch has found, start a challenger, which is learnt from the stream's last
    rows and what was said of them. It runs beside the champion until verdicts that it has not learnt from say which is
    better; the reason is written down with the version. A champion that was replaced stays; one call brings it back.

    Parameters
    ----------
    store
        Where models, labels and rows are.
    folder
        Where files of models go.
    clock
        What time it is.
    promoted
        Called with the name of a model that another version decides for from now on.
    """

    def __init__(self, store: Store, folder: Path, clock: Clock, promoted: Callable[[str], None]) -> None:
        self._store, self._folder, self._clock, self._promoted = store, folder / "models", clock, promoted
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look once a minute, in a thread."""
        self._thread = threading.Thread(target=self._run, name="amiss-adaptation", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10.0)

    def look(self) -> dict[str, Decision]:
        """Look at every model once: what was decided, by its name."""
        decided = {}
        for name in dict.fromkeys(record.name for record in self._store.models()):
            versions = self._store.models(name)
            champion = next((v for v in versions if v.state == "champion"), None)
            if champion is not None:
                challenger = next((v for v in reversed(versions) if v.state == "challenger"), None)
                decided[name] = self._look_at(champion, challenger)
        return decided

    def _run(self) -> None:
        while not self._clock.wait(self._stop, _EACH_SECONDS):
            try:
                self.look()
            except AmissError as error:
                _LOG.warning("no model was learnt anew: %s", error)

    def _look_at(self, champion: ModelRecord, challenger: ModelRecord | None) -> Decision:
        labels = self._store.labels(source=f"push:{champion.name}")
        if challenger is None:
            since = [v.created for v in self._store.models(champion.name)]
            new = [each for each in _decided(labels) if each.at > max(since)]
            decision = should_start(len(new), self._drifted(champion.name, max(since)))
            return self._started(champion, labels, decision) if decision.action == "start" else decision
        decision = self._tried(champion, challenger, labels)
        if decision.action == "promote":
            self._store.set_model_state(champion.name, challenger.number, "champion", note=decision.reason)
            self._promoted(champion.name)
        elif decision.action == "drop":
            self._store.set_model_state(champion.name, challenger.number, "retired", note=decision.reason)
        elif decision.reason != challenger.note:
            self._store.set_model_state(champion.name, challenger.number, "challenger", note=decision.reason)
        return decision

    def _drifted(self, name: str, since: float) -> str:
        """What the watch of the stream has said of a drift since then; "" where it has not."""
        found = self._store.events(source=f"push:{name}", kind="drift", since=since, limit=1)
        return found[0].reason if found and found[0].opened > since else ""

    def _started(self, champion: ModelRecord, labels: list[LabelRecord], decision: Decision) -> Decision:
        """Learn a challenger; where that cannot be, the reason."""
        model = load(champion.path)
        rows = recent_rows(self._store, f"push:{champion.name}", model, _ROWS)
        if not rows:
            return Decision("wait", f"{decision.reason}, and no rows of the stream are kept to learn from")
        try:
            made, how = _learnt(model, rows, _as_known(labels, model))
        except AmissError as error:
            return Decision("wait", f"{decision.reason}, and nothing can be learnt: {error.what}")
        self._folder.mkdir(exist_ok=True)
        part = self._folder / f".{champion.name}.part"
        made.save(part)
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        path = part.replace(self._folder / f"{digest}.amiss")
        reason = f"{decision.reason}: {how}"
        self._store.add_model(champion.name, path=str(path), digest=digest, now=self._clock.now(), note=reason)
        return Decision("start", reason)

    def _tried(self, champion: ModelRecord, challenger: ModelRecord, labels: list[LabelRecord]) -> Decision:
        """What verdicts that the challenger has not learnt from say of both."""
        old, new = load(champion.path), load(challenger.path)
        rows = recent_rows(self._store, f"push:{champion.name}", old, _ROWS, since=_first(labels, challenger))
        fresh = [each for each in _decided(labels) if each.at > challenger.created]
        if not rows or not fresh:
            return Decision("wait", f"runs beside version {champion.number}; no verdict since it was learnt")
        return judge(_trial(old, new, rows, _as_known(fresh, old)))


def _learnt(model: Model, rows: dict[str, object], labels: list[LabelRecord]) -> tuple[Model, str]:
    """A model of the rows and what was said of them; of the rows alone where nothing was."""
    said = verdicts_on_rows(labels, model, open_source(rows)) if labels else {}
    if not any(verdict in _DECIDED for verdict in said.values()):
        return fit_source(open_source(rows), model.recipe), "learnt anew from the rows since, as no verdict is on them"
    made = learn_challenger(model, rows, said)
    return made.model, made.reason


def _trial(old: Model, new: Model, rows: dict[str, object], labels: list[LabelRecord]) -> Trial:
    said = [old.score(rows), new.score(rows)]
    source = open_source(rows)
    pairs: list[tuple[float, float, bool]] = []
    odd = np.zeros(len(said[0]), np.bool_)
    for label in labels:
        meant = list(verdicts_on_rows([label], old, source))
        if meant:
            first, second = (float(result.scores[meant].max()) for result in said)
            pairs.append((first, second, label.verdict == "anomaly"))
            odd[meant] |= label.verdict == "anomaly"
    scores = np.array(pairs, np.float64).reshape(-1, 3)
    return Trial(
        scores[:, 0], scores[:, 1], scores[:, 2] > 0, said[0].is_anomaly[~odd], said[1].is_anomaly[~odd],
        said[0].promise.rate,
    )  # fmt: skip


def _decided(labels: list[LabelRecord]) -> list[LabelRecord]:
    """What stands of what was said, where it says something."""
    return [each for each in VerdictLog(labels).standing() if each.verdict in _DECIDED]


def _as_known(labels: list[LabelRecord], model: Model) -> list[LabelRecord]:
    """Labels as the model can place them: one that knows no entity has learnt from the rows of a single one."""
    if model.schema.first("entity") is not None or len({each.entity for each in labels}) > 1:
        return labels
    return [msgspec.structs.replace(each, entity=None) for each in labels]


def _first(labels: list[LabelRecord], challenger: ModelRecord) -> float | None:
    """When the first rows were that were labelled since a challenger was learnt; its birth where none were."""
    starts = [each.starts for each in labels if each.at > challenger.created and each.starts is not None]
    return min([challenger.created, *starts])
