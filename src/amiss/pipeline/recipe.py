"""Recipe: everything that a user may say about a model, as plain text."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from amiss.core.catalog import detector_class
from amiss.core.errors import ParameterError, RecipeError
from amiss.core.random import small_seed
from amiss.network.exclusions import Exclusion
from amiss.prepare.narrow import SELECTIONS, SELECTIONS_BY_LABELS
from amiss.prepare.roles import Wishes, nearest_name
from amiss.thresholds.limits import limits_of
from amiss.thresholds.promise import Wish, read_wish

__all__ = [
    "CAUSAL_DEFAULT", "DEFAULT", "FEW_LABELS_DEFAULT", "KINDS", "LABEL_DEFAULT", "SERIES_DEFAULT", "Recipe",
    "read_recipe", "recipe_schema",
]  # fmt: skip

KINDS = ("table", "series", "network")
DEFAULT, SERIES_DEFAULT, CAUSAL_DEFAULT = "ensemble", "series_ensemble", "causal_ensemble"
LABEL_DEFAULT, FEW_LABELS_DEFAULT = "hybrid", "partly_labelled"
_WINDOWED = "windowed"
_CONTAMINATION = "contamination"


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to make a model. Every field has a default that suits most data.

    Attributes
    ----------
    detector
        Name of a detector of the catalog, or import path of one of scikit-learn's or PyOD's.
    params
        Its parameters. `contamination` among them is read as the share of false alarms, where none is asked for.
    false_alarms
        "1%", 5, "1/day"; None for 1 %.
    false_discoveries
        Instead: the share of the alarms that may be false, "10%" or 0.1.
    limits
        Lowest and highest value that a column may have, None for none: rows beyond are alarms, whatever their score.
    clean
        All rows learnt from are normal: none is distrusted, or left out of the calibration, for looking odd.
    kind
        "table", "series" or "network"; None recognises it.
    exclude
        Of network traffic: events that are not told, such as "host 10.0.0.5" or "kind beaconing and port 123"; see
        `amiss.network.exclusions`.
    known_good
        Of network traffic: captures or logs that are known to be good; what they hold is usual.
    label, normal
        Column that says which rows are anomalies, to learn from, and its word for a normal row where that is not
        plain; None for no labels.
    causal
        The rows are a series, and each is judged by those before it alone, as they come.
    window
        In a series, rows in the windows that a detector of rows is handed; None for what suits the series.
    time, entity
        Column that holds the time, "DATE+TIME" where it stands in two, and the device, host or user; None recognises
        them.
    ignore
        Columns to leave out.
    select
        How columns are chosen by the rows learnt from, see `amiss.prepare.narrow`; None ranks by all.
    roles
        Role of single columns, against what is recognised.
    seed
        Seed of everything random, from 0.
    """

    detector: str = DEFAULT
    params: dict[str, int | float | str | bool | None] = {}
    false_alarms: str | float | int | None = None
    false_discoveries: str | float | None = None
    limits: dict[str, tuple[float | None, float | None]] = {}
    clean: bool = False
    kind: str | None = None
    exclude: tuple[str, ...] = ()
    known_good: tuple[str, ...] = ()
    label: str | None = None
    normal: str | None = None
    causal: bool = False
    window: int | None = None
    time: str | None = None
    entity: str | None = None
    ignore: tuple[str, ...] = ()
    select: str | None = None
    roles: dict[str, str] = {}
    seed: int = 0

    def __post_init__(self) -> None:
        share = self.params.get(_CONTAMINATION)
        if self.false_alarms is None and self.false_discoveries is None and _is_share(share):
            msgspec.structs.force_setattr(self, "false_alarms", share)

    def checked(self) -> Recipe:
        """The recipe itself, or the error of its first field that cannot be."""
        self.wish()
        limits_of(self.limits)
        self._check_contamination()
        if self.kind is not None and self.kind not in KINDS:
            raise ParameterError(f"there is no kind {self.kind!r}", mend=f"give one of: {', '.join(KINDS)}")
        if self.causal and self.kind == "table":
            raise ParameterError("rows of a table do not come one after another", mend="leave out causal, or the kind")
        if self.label is not None and (self.causal or self.kind == "series"):
            raise ParameterError("labels are learnt row by row", mend="leave out the label, or causal and the kind")
        if self.causal and self.kind == "network":
            raise ParameterError("network traffic is looked at whole", mend="leave out causal, or the kind")
        for text in self.exclude:
            Exclusion.parse(text)
        self._check_selection()
        if isinstance(self.seed, bool) or self.seed < 0:
            raise ParameterError(f"seed {self.seed} is not possible", mend="give a whole number from 0")
        self.make_detector()
        return self

    def wish(self) -> Wish:
        """What it asks about false alarms."""
        return read_wish(self.false_alarms, self.false_discoveries)

    def for_series(self) -> Recipe:
        """The same for rows that follow one another: the default is then the ensemble for series."""
        default = CAUSAL_DEFAULT if self.causal else SERIES_DEFAULT
        detector = default if self.detector == DEFAULT else self.detector
        return msgspec.structs.replace(self, kind="series", detector=detector)

    def for_labels(self, detector: str | None = None) -> Recipe:
        """The same for rows with labels: the label is no column to rank by, and the default learns from both sorts.

        With a `detector`, by that one: it can be the default of rows without labels.
        """
        assert self.label is not None
        detector = detector or (LABEL_DEFAULT if self.detector == DEFAULT else self.detector)
        clean = self.clean or not detector_class(detector).capabilities.labels
        roles = {**self.roles, self.label: "label"}
        return msgspec.structs.replace(self, kind="table", detector=detector, roles=roles, clean=clean)

    @property
    def ordered(self) -> bool:
        """Whether its detector is one for series."""
        return bool(detector_class(self.detector).capabilities.ordered)

    def make_detector(self) -> Any:
        """A fresh detector as the recipe describes it; of windows, where a detector of rows is asked for a series."""
        detector = detector_class(self.detector)()
        params = dict(self.params)
        if self.kind == "series" and not detector.capabilities.ordered and self.detector != DEFAULT:
            detector = detector_class(_WINDOWED)()
            params |= {"detector": self.detector, "window": self.window}
        if not hasattr(detector, _CONTAMINATION):
            params.pop(_CONTAMINATION, None)
        try:
            detector.set_params(**params)
        except ValueError as error:
            raise ParameterError(str(error), where=f"params of {self.detector!r}") from error
        if hasattr(detector, "random_state") and "random_state" not in self.params:
            detector.set_params(random_state=small_seed(self.seed) if "." in self.detector else self.seed)
        if hasattr(detector, "clean") and "clean" not in self.params and "." not in self.detector:
            detector.set_params(clean=self.clean)
        # Another library may start processes, or print what they do: there its own default holds.
        if hasattr(detector, "n_jobs") and "n_jobs" not in self.params and "." not in self.detector:
            detector.set_params(n_jobs=-1)
        if self.causal and hasattr(detector, "causal") and "causal" not in self.params:
            detector.set_params(causal=True)
        if self.causal and self.kind == "series" and self.detector != DEFAULT and not detector.is_causal:
            raise ParameterError(
                f"{self.detector} looks at what comes after a row too", mend="leave out causal, or the detector"
            )
        detector._check_parameters()
        return detector

    def notes(self) -> list[str]:
        """What was read otherwise than it was written, one sentence each."""
        share = self.params.get(_CONTAMINATION)
        if not _is_share(share):
            return []
        if self.false_alarms != share:
            return [f"contamination {share} is left aside: the false alarms asked for say how many rows raise an alarm"]
        return [
            f"contamination {share} is read as false_alarms {share:.4g}: at most so many of the normal rows raise an "
            "alarm; see docs/promises.md"
        ]

    def _check_selection(self) -> None:
        if self.select is None:
            return
        if self.select not in SELECTIONS:
            raise ParameterError(f"there is no selection {self.select!r}", mend=f"give one of {', '.join(SELECTIONS)}")
        if self.select in SELECTIONS_BY_LABELS and self.label is None:
            raise ParameterError(f"{self.select} needs labels", mend="give the label, or choose heavy_tails")
        if self.kind == "series" or self.causal:
            raise ParameterError("columns of a series are not chosen", mend="leave out select, or ignore columns")

    def _check_contamination(self) -> None:
        share = self.params.get(_CONTAMINATION)
        if share not in (None, "auto") and not _is_share(share):
            raise ParameterError(
                f"contamination {share!r} is not possible",
                where="params",
                mend="say false_alarms instead; or give a share in (0, 0.5]",
            )

    def wishes(self) -> Wishes:
        """What it says about columns."""
        return Wishes(time=self.time, entity=self.entity, ignore=self.ignore, roles=self.roles)


def _is_share(value: Any) -> bool:
    return isinstance(value, float) and 0 < value <= 0.5


def read_recipe(path: str | Path) -> Recipe:
    """The recipe in a TOML file.

    Raises
    ------
    RecipeError
        The file cannot be read, is no TOML, or holds a field that no recipe has; names the nearest that one has.
    """
    try:
        raw = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RecipeError(f"cannot read the recipe: {reason}", where=str(path), mend="check the path") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"this is no TOML: {error}", where=str(path), mend="write lines such as seed = 1") from error
    known = list(Recipe.__struct_fields__)
    for name in raw:
        if name not in known:
            hint = nearest_name(name, known)
            raise RecipeError(
                f"a recipe has no field {name!r}", where=str(path), mend=f"{hint}known: {', '.join(known)}"
            )
    try:
        return msgspec.convert(raw, Recipe).checked()
    except msgspec.ValidationError as error:
        raise RecipeError(
            f"a field has the wrong type: {error}", where=str(path), mend="see docs/reference/recipe.schema.json"
        ) from error


def recipe_schema() -> dict[str, Any]:
    """JSON schema of a recipe, for editors."""
    return msgspec.json.schema(Recipe)
