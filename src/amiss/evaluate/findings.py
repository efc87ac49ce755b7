"""What a comparison of two tables has found, as records."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["SEVERITIES", "ColumnDrift", "Compared", "Drift", "DriftTest", "JointDrift", "SchemaChange", "drift_schema"]

SEVERITIES = ("none", "slight", "strong")


class DriftTest(msgspec.Struct, frozen=True):
    """One test of one column.

    Attributes
    ----------
    name
        "kolmogorov_smirnov", "chi_square" or "missing_share".
    statistic
        Largest gap of two distribution functions, Pearson's sum, or difference of two shares.
    p_value
        Of the null "both tables are draws from one distribution".
    p_corrected
        After Holm's correction over all tests of the comparison.
    """

    name: str
    statistic: float
    p_value: float
    p_corrected: float = 1.0


class ColumnDrift(msgspec.Struct, frozen=True, kw_only=True):
    """One column, compared.

    Attributes
    ----------
    column
        Its name.
    kind
        "number" or "category".
    severity
        One of `SEVERITIES`: it takes a significant test and a size that matters.
    sentence
        What has changed, in words.
    p_corrected
        The smallest of its tests, corrected over all tests of the comparison.
    psi
        Population stability index, from 0; None where one side has no value.
    wasserstein, wasserstein_standardised
        Area between the distribution functions, in the column's unit and in standard deviations of a.
    missing_a, missing_b
        Share of the rows without a value.
    median_a, median_b
        Of a number, in its unit.
    unseen_share
        Share of b's values whose kind a does not have; None for a number.
    unseen
        The most frequent such kinds, at most ten.
    rows_worth_a, rows_worth_b
        Independent rows that the compared ones are worth; their number where there is no time column.
    tests
        The tests made.
    """

    column: str
    kind: str
    severity: str = "none"
    sentence: str = ""
    p_corrected: float = 1.0
    psi: float | None = None
    wasserstein: float | None = None
    wasserstein_standardised: float | None = None
    missing_a: float = 0.0
    missing_b: float = 0.0
    median_a: float | None = None
    median_b: float | None = None
    unseen_share: float | None = None
    unseen: list[str] = []
    rows_worth_a: float = 0.0
    rows_worth_b: float = 0.0
    tests: list[DriftTest] = []


class SchemaChange(msgspec.Struct, frozen=True):
    """A column that is not what it was, or not there."""

    column: str
    severity: str
    sentence: str


class JointDrift(msgspec.Struct, frozen=True):
    """The classifier two-sample test.

    Attributes
    ----------
    auc
        Chance that it scores a row of b above one of a: 0.5 where they cannot be told apart.
    p_value, p_corrected
        As in `DriftTest`.
    severity
        One of `SEVERITIES`.
    n_a, n_b
        Rows taken.
    telling
        The columns that tell the tables apart, the most telling first, with what the AUC loses without each.
    """

    auc: float
    p_value: float
    p_corrected: float
    severity: str
    n_a: int
    n_b: int
    telling: dict[str, float]


class Compared(msgspec.Struct, frozen=True):
    """One of the tables: its rows, how many of them were sampled, and the time that they span."""

    name: str
    n_rows: int
    n_sampled: int
    start: str | None = None
    end: str | None = None


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of two tables: is b like a?

    Attributes
    ----------
    format, amiss_version
        What wrote the record.
    verdict
        One sentence.
    severity
        "none", "slight" or "strong": the worst of changes, columns and joint test.
    alpha
        Chance that anything is called drift where nothing has changed.
    seed
        Seed of everything random.
    a, b
        The reference and what was compared with it.
    changes
        Columns that are gone, new, or of another type.
    columns
        The columns compared, those that drifted most first.
    joint
        The joint test; None where it could not be made.
    notes
        What else has to be known.
    """

    format: str
    amiss_version: str
    verdict: str
    severity: str
    alpha: float
    seed: int
    a: Compared
    b: Compared
    changes: list[SchemaChange]
    columns: list[ColumnDrift]
    joint: JointDrift | None
    notes: list[str]

    @property
    def found(self) -> bool:
        """Whether there is any drift."""
        return self.severity != "none"

    @property
    def drifted(self) -> list[str]:
        """Names of the columns that drifted, the worst first."""
        return [column.column for column in self.columns if column.severity != "none"]

    def __str__(self) -> str:
        return self.verdict


def drift_schema() -> dict[str, Any]:
    """JSON schema of a `Drift`."""
    return msgspec.json.schema(Drift)
