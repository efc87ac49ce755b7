"""`amiss learn`: a better model from verdicts on what the old one has found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.show import check_file, check_not_read, progress_bar
from amiss.cli.streams import say
from amiss.core.errors import DataError

__all__ = ["learn"]


def learn(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model file of amiss fit.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="Table to learn from; the verdicts are of its rows.")],
    labels: Annotated[
        str,
        typer.Option(
            "--labels",
            metavar="FILE",
            help="Table with a column verdict: anomaly, normal, not_now, unsure or empty; and row (position from 0), "
            "a key column, or starts and ends (and entity) to say which rows it is of.",
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MODEL", help="Model file to write.")],
    key: Annotated[
        str | None, typer.Option("--key", metavar="COLUMN", help="Column of both tables that names a row.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write the model even if it ranks the verdicts worse.")
    ] = False,
) -> None:
    """Learn a model anew from rows and from verdicts on some of them, and say whether it ranks these better.

    Each verdict is judged by a model that has not seen it. One that does worse than the old model is not written.

    \b
    Examples:
      amiss learn pump.amiss pump.csv --labels verdicts.csv -o better.amiss
      amiss learn pump.amiss pump.csv --labels spans.csv -o better.amiss --force
    """
    from amiss.feedback.challenger import learn_challenger
    from amiss.feedback.labelled_rows import verdicts_on_rows
    from amiss.feedback.verdict_file import read_verdicts
    from amiss.io.files.sink import check_folder
    from amiss.pipeline.model_file import load
    from amiss.pipeline.opening import open_source
    from amiss.report.promise import promise_words

    check_file(output)
    check_folder(output)
    check_not_read([model, file, labels], output)
    old, source = load(model), open_source(file)
    verdicts = verdicts_on_rows(read_verdicts(open_source(labels), key=key), old, source, key=key)
    if not verdicts:
        raise DataError("no verdict is of a row of the table", where=file, mend="check the rows, keys or times")
    with progress_bar() as progress:
        made = learn_challenger(old, source, verdicts, progress=progress)
    for note in made.model.notes:
        say(f"note: {note}")
    say(made.reason)
    if made.compared.worse and not force:
        raise DataError(
            "the new model ranks the verdicts worse than the old one, and is not written", where=made.reason,
            mend="give more verdicts, or --force",
        )  # fmt: skip
    made.model.save(output)
    say(f"{promise_words(made.model.promise)}: {output}")
