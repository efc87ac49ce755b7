"""Runs the trials of a comparison: one after another or on several processes, none twice, none after the budget."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from amiss.core.source import Progress
from amiss.evaluate.bench import Bench
from amiss.evaluate.halving import tuned_params
from amiss.evaluate.kept_trials import KeptTrials
from amiss.evaluate.trial import Part, Trial, failure_of, tried, with_params
from amiss.pipeline.recipe import Recipe

__all__ = ["Runner", "Task"]

_Call = tuple["Task", Recipe, Part, float, str, str, float | None, int]


@dataclass(frozen=True, slots=True)
class Task:
    """One trial: a detector on a split.

    Attributes
    ----------
    detector
        Its name.
    split
        Number of the split.
    n_settings
        Settings of its parameters to choose from; 0 for the defaults.
    """

    detector: str
    split: int
    n_settings: int = 0


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs tasks.

    Attributes
    ----------
    bench
        The rows.
    rate, measure, search
        False-alarm rate of each cut, what tuning goes by, and how it searches.
    n_jobs
        Processes.
    until
        `time.monotonic` from which on no trial is begun; None for no end.
    kept
        Where trials are kept as they are done.
    progress
        Called with the detector and the share of the tasks that are done.
    """

    bench: Bench
    rate: float
    measure: str
    search: str
    n_jobs: int
    until: float | None
    kept: KeptTrials
    progress: Progress

    def slice(self, n_left: int, at_once: int) -> float | None:
        """Seconds for each split, where what is left of the budget is shared by so many detectors; None for no end."""
        if self.until is None:
            return None
        left = max(self.until - time.monotonic(), 0.0)
        n_rounds = -(-len(self.bench.folds) // self.n_jobs)
        return left / n_rounds / min(n_left, at_once)

    def run(
        self, tasks: Sequence[Task], share: tuple[float, float] = (0.0, 1.0), seconds: float | None = None
    ) -> dict[Task, Trial]:
        """What came of each task, those that were not begun left out. Tuning begins nothing new after `seconds` each.

        Progress goes through `share`.
        """
        done = {}
        for task in tasks:
            kept = self.kept.get(task)
            if kept is not None:
                done[task] = kept
        for task, trial in self._each([task for task in tasks if task not in done], seconds):
            self.kept.put(trial, task)
            done[task] = trial
            self.progress(f"trying {task.detector}", share[0] + (share[1] - share[0]) * len(done) / len(tasks))
        return done

    def _each(self, tasks: Sequence[Task], seconds: float | None) -> Iterator[tuple[Task, Trial]]:
        failed: list[tuple[Task, Trial]] = []
        calls = self._calls(tasks, seconds, failed)
        if self.n_jobs == 1:
            for call in calls:
                yield _outcome(*call)
            yield from failed
            return
        from joblib import Parallel, delayed, parallel_config

        # Tasks are handed out one by one, so that the budget is looked at before each.
        with parallel_config("loky", inner_max_num_threads=1):
            pool = Parallel(n_jobs=self.n_jobs, return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)
            yield from pool(delayed(_outcome)(*call) for call in calls)
        yield from failed

    def _calls(self, tasks: Sequence[Task], seconds: float | None, failed: list[tuple[Task, Trial]]) -> Iterator[_Call]:
        """The calls to make, before the budget is over; tasks whose rows cannot be prepared go to `failed`."""
        for task in tasks:
            if self._is_over():
                return
            try:
                call = self._call(task, seconds)
            except Exception as error:  # rows that one split cannot be prepared from must not stop the others
                failed.append((task, Trial(failure=failure_of(error))))
            else:
                yield call

    def _is_over(self) -> bool:
        return self.until is not None and time.monotonic() > self.until

    def _call(self, task: Task, seconds: float | None) -> _Call:
        recipe = self.bench.recipe.for_labels(task.detector)
        fill = not recipe.make_detector().capabilities.missing
        part = self.bench.part(task.split, fill)
        return task, recipe, part, self.rate, self.measure, self.search, seconds, -1 if self.n_jobs == 1 else 1


def _outcome(
    task: Task, recipe: Recipe, part: Part, rate: float, measure: str, search: str, seconds: float | None, n_jobs: int
) -> tuple[Task, Trial]:
    """The task, and what came of it, in whichever process."""
    until = None if seconds is None else time.monotonic() + seconds
    try:
        if not task.n_settings:
            return task, replace(tried(recipe, part, rate, n_jobs=n_jobs), params={})
        chosen = tuned_params(
            recipe, part.X, part.y, measure=measure, rate=rate, n_settings=task.n_settings, search=search,
            forward=part.forward, until=until, n_jobs=n_jobs,
        )  # fmt: skip
        found = tried(with_params(recipe, chosen.params), part, rate, n_jobs=n_jobs)
        return task, replace(found, params=dict(chosen.params))
    except Exception as error:  # one detector that fails must not stop the others
        return task, Trial(failure=failure_of(error))
