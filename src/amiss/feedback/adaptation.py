"""When to learn a new model, and whether it takes the place of the old one: decisions with a written reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from amiss.core.errors import ParameterError
from amiss.core.summary import Vector
from amiss.feedback.shadow import compare

__all__ = ["Decision", "Trial", "judge", "should_start"]

Flags = npt.NDArray[np.bool_]
_NEW_LABELS = 20
_LOOKS = (25, 50, 100, 200)
"""Labels after which champion and challenger are compared; at the last it is decided."""
_FEWEST = 5
"""Labels of either kind that it takes."""
_SURE = 2.36
"""Standard errors at each of four looks, so that the chance of any false verdict is about 5 %."""
_TRUSTED = 3.0
"""Standard errors by which alarms may exceed the promise."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why.

    Attributes
    ----------
    action
        "start" or "wait" before there is a challenger; "promote", "drop" or "wait" once there is one.
    reason
        One sentence, to be kept with the model.
    """

    action: Literal["start", "promote", "drop", "wait"]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What champion and challenger have said of the same data, always before these were labelled.

    Attributes
    ----------
    champion, challenger : (n_labelled,)
        Scores of labelled rows or events, in the order in which they were labelled.
    is_anomaly : (n_labelled,)
        What was said of them.
    champion_alarms, challenger_alarms : (n_recent,)
        Alarms of both on recent rows that nobody has called an anomaly.
    false_alarm_rate
        Share of such rows that may raise an alarm, as promised.
    """

    champion: Vector
    challenger: Vector
    is_anomaly: Flags
    champion_alarms: Flags
    challenger_alarms: Flags
    false_alarm_rate: float

    def __post_init__(self) -> None:
        pairs = ((self.champion, self.challenger, self.is_anomaly), (self.champion_alarms, self.challenger_alarms))
        if any(len({len(each) for each in group}) != 1 for group in pairs):
            raise ParameterError("a trial needs what both have said of the same data")
        if not 0 < self.false_alarm_rate < 1:
            raise ParameterError(f"false_alarm_rate is {self.false_alarm_rate:g}", mend="give one in (0, 1)")


def should_start(n_new_labels: int, drift: str = "", *, enough_labels: int = _NEW_LABELS) -> Decision:
    """Whether a challenger should be learnt.

    Parameters
    ----------
    n_new_labels
        Labels given since the champion was learnt, of anomalies and normal data.
    drift
        The verdict of a drift test that found one, in words; "" where none did.
    enough_labels
        How many labels are enough, at least 1.

    Examples
    --------
    >>> from amiss.feedback.adaptation import should_start
    >>> should_start(3).reason
    '3 new labels of 20, and no drift: nothing to learn yet'
    >>> should_start(3, "temp has moved up by 2.1 deviations").action
    'start'
    """
    if enough_labels < 1:
        raise ParameterError(f"enough_labels is {enough_labels}", mend="give 1 or more")
    if drift:
        return Decision("start", f"the data have drifted: {drift}")
    if n_new_labels >= enough_labels:
        return Decision("start", f"{n_new_labels} new labels since the champion was learnt")
    return Decision("wait", f"{n_new_labels} new labels of {enough_labels}, and no drift: nothing to learn yet")


def judge(trial: Trial) -> Decision:
    """Whether a challenger takes the champion's place.

    It is dropped where it breaks the promise and the champion does not, or ranks the labelled data worse; it is
    promoted where it ranks them better, or ranks no worse and keeps a promise that the champion breaks. The rankings
    are compared at 25, 50, 100 and 200 labels only and with so much more certainty that, in all four looks together, a
    challenger that is just as good is called better or worse once in twenty trials. One that is no better by the last
    look is dropped: what serves stays.

    References
    ----------
    Dawid, A. P. (1984). Present position and potential developments: the prequential approach. JRSS A.
    Pocock, S. J. (1977). Group sequential methods in the design and analysis of clinical trials. Biometrika.

    Examples
    --------
    >>> import numpy as np
    >>> from amiss.feedback.adaptation import Trial, judge
    >>> random = np.random.default_rng(0)
    >>> odd = np.arange(60) % 3 == 0
    >>> quiet = np.zeros(1000, bool)
    >>> trial = Trial(random.normal(size=60), odd + random.normal(size=60) / 4, odd, quiet, quiet, 0.01)
    >>> judge(trial).action
    'promote'
    """
    loud = _breaks(trial.challenger_alarms, trial.false_alarm_rate)
    champion_loud = _breaks(trial.champion_alarms, trial.false_alarm_rate)
    if loud and not champion_loud:
        return Decision("drop", f"the challenger breaks the promise: {_alarms(trial.challenger_alarms, trial)}")
    n, looks = len(trial.is_anomaly), [look for look in _LOOKS if look <= len(trial.is_anomaly)]
    for look in looks:
        first = slice(0, look)
        found = compare(trial.challenger[first], trial.champion[first], trial.is_anomaly[first])
        if min(found.n_anomalies, found.n_normal) < _FEWEST:
            continue
        figures = f"of {look} labels {found.first:.2f} of the pairs are in order by the challenger, {found.second:.2f} "
        figures += f"by the champion (standard error of the difference {found.error:.2f})"
        if found.first - found.second > _SURE * found.error:
            return Decision("promote", f"the challenger ranks better: {figures}")
        if found.second - found.first > _SURE * found.error:
            return Decision("drop", f"the challenger ranks worse: {figures}")
        if champion_loud and not loud:
            said = _alarms(trial.champion_alarms, trial)
            return Decision("promote", f"the champion breaks the promise ({said}), and the challenger ranks no worse")
        if look == _LOOKS[-1]:
            return Decision("drop", f"the challenger is no better: {figures}")
    n_odd = int(trial.is_anomaly.sum())
    until = next((look for look in _LOOKS if look > n), _LOOKS[-1])
    return Decision(
        "wait", f"{n} labels ({n_odd} anomalies): the next look is at {until}, with at least {_FEWEST} of either kind"
    )


def _breaks(alarms: Flags, rate: float) -> bool:
    """Whether there are more alarms than chance lets a promise have."""
    n = len(alarms)
    return bool(alarms.sum() > rate * n + _TRUSTED * np.sqrt(n * rate * (1 - rate)) + 1)


def _alarms(alarms: Flags, trial: Trial) -> str:
    share = float(alarms.mean())
    return f"{share:.2%} of {len(alarms):,} recent rows raise an alarm, {trial.false_alarm_rate:.2%} were promised"
