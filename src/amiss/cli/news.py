"""What is new since the last run, for a verb that is run again and again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from amiss.cli.options import IfExists
from amiss.cli.streams import say
from amiss.core.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from amiss.io.sql.sink import Step
    from amiss.io.sql.source import SqlSource

__all__ = ["News"]


class News:
    """The rows of a database that are new, and how far a run brings the job.

    Parameters
    ----------
    file, query
        Address of the database and what is read of it.
    new_by
        Column that grows with every new row.
    output, state
        Where the rows go, and the file that keeps how far runs have come, where they do not go to a table.
    if_exists
        What was asked for a table that is there.

    Attributes
    ----------
    only : (n_rows,)
        Which of the rows read are new; None where all are.
    step
        How far the run brings the job, for the table that keeps it; None where a file does.

    Raises
    ------
    ParameterError
        The options do not go together.
    """

    def __init__(
        self, file: str, query: str | None, new_by: str, output: str | None, state: Path | None,
        if_exists: IfExists | None,
    ) -> None:  # fmt: skip
        from amiss.io.sql.address import is_address, without_password
        from amiss.io.sql.progress import job_of

        if not is_address(file):
            mend = "give sqlite:///file.db#table, duckdb:///… or postgresql://…"
            raise ParameterError("--new-by is for tables of databases", where=file, mend=mend)
        to_table = output is not None and is_address(output)
        if to_table == (state is not None):
            mend = "leave out --state" if to_table else "give --state FILE, or -o a table of a database"
            what = "a table keeps how far runs have come itself" if to_table else "nothing keeps how far runs have come"
            raise ParameterError(what, mend=mend)
        if if_exists not in (None, IfExists.append):
            raise ParameterError("--new-by adds to a table", mend="leave out --if-exists")
        self._file, self._query, self._new_by, self._state = file, query, new_by, state
        self._table = output if to_table else None
        target = without_password(str(output)) if output is not None else str(state)
        self._job = job_of(without_password(file), query, new_by, target)
        self._source: SqlSource | None = None
        self.only: npt.NDArray[np.bool_] | None = None
        self.step: Step | None = None

    def open(self, *, whole: bool) -> SqlSource | None:
        """The rows; None, and a word to the user, where none is new."""
        from amiss.io.sql.progress import read_state
        from amiss.io.sql.sink import Step, check_table, progress_in
        from amiss.io.sql.source import SqlSource

        if self._table is not None:
            before = progress_in(check_table(self._table), self._job)
        else:
            assert self._state is not None
            before = read_state(self._state, self._job)
        source = SqlSource(self._file, self._query, new_by=self._new_by, mark=before, whole=whole)
        n_new = int(source.is_new.sum())
        if not n_new:
            say(f"nothing new: no {self._new_by} above {before.value}" if before else "nothing new: no rows yet")
            return None
        if n_new < source.n_rows:
            say(f"{n_new:,} new rows, judged with the {source.n_rows - n_new:,} before them")
        self._source = source
        self.only = source.is_new if n_new < source.n_rows else None
        self.step = Step(self._job, before, source.highest) if self._table is not None else None
        return source

    def keep(self) -> None:
        """Keep how far the run has come, where a file does: after the results are written."""
        from amiss.io.sql.progress import write_state

        if self._state is not None and self._source is not None and self._source.highest is not None:
            write_state(self._state, self._job, self._source.highest)
