"""How far a source has been scored."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amiss.core.errors import ConnectorError, DataError

__all__ = ["Mark", "job_of", "read_state", "write_state"]


@dataclass(frozen=True, slots=True)
class Mark:
    """The highest value of a column that grows with every new row.

    Attributes
    ----------
    value
        A number, a time, a day or text.
    """

    value: Any

    def to_text(self) -> str:
        """As kept: what kind of value it is, and the value.

        Examples
        --------
        >>> Mark(7).to_text(), Mark.from_text("int 7").value
        ('int 7', 7)
        """
        value = self.value
        if isinstance(value, (datetime.date, datetime.datetime)):
            return f"{type(value).__name__} {value.isoformat()}"
        if type(value) in (int, float, str):
            return f"{type(value).__name__} {value}"
        if type(value).__name__ == "Decimal":
            return f"Decimal {value}"
        raise DataError(
            f"values such as {str(value)[:40]!r} do not tell what is new", mend="name a column of times or of numbers"
        )

    @classmethod
    def from_text(cls, text: str) -> Mark:
        """What `to_text` has written.

        Raises
        ------
        DataError
            It has not written this.
        """
        import decimal

        kind, _, value = text.partition(" ")
        readers: dict[str, Any] = {
            "int": int, "float": float, "str": str, "Decimal": decimal.Decimal,
            "date": datetime.date.fromisoformat, "datetime": datetime.datetime.fromisoformat,
        }  # fmt: skip
        try:
            return cls(readers[kind](value))
        except (KeyError, ValueError, decimal.InvalidOperation):
            mend = "remove what was kept: all rows are then scored anew"
            raise DataError(f"what was kept of the last run cannot be read: {text[:60]!r}", mend=mend) from None


def job_of(source: str, query: str | None, new_by: str, target: str) -> str:
    """A name for scoring one source into one target: 32 hexadecimal digits, the same at every run."""
    words = json.dumps([source, (query or "").strip(), new_by, target])
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def read_state(path: str | os.PathLike[str], job: str) -> Mark | None:
    """How far a job has come, by a file; None where it has not begun.

    Raises
    ------
    DataError
        The file is none of these, or that of another job.
    ConnectorError
        It cannot be read.
    """
    where = os.fspath(path)
    try:
        kept = json.loads(Path(path).read_text(encoding="utf-8"))
        own, last = kept["job"], kept["last"]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConnectorError(f"the file cannot be read: {error.strerror}", where=where) from error
    except (ValueError, KeyError, TypeError):
        raise DataError("this does not hold how far a run has come", where=where, mend="name another file") from None
    if own != job:
        mend = "name another file for this one"
        raise DataError("this file is of another source, query, column or target", where=where, mend=mend)
    return Mark.from_text(str(last))


def write_state(path: str | os.PathLike[str], job: str, mark: Mark) -> None:
    """Keep how far a job has come, in a file that is written aside and renamed."""
    from amiss.io.files.sink import replaced

    with replaced(path) as aside:
        aside.write_text(json.dumps({"job": job, "last": mark.to_text()}) + "\n", encoding="utf-8")
