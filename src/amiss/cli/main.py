"""The `amiss` command: puts the verbs together and words every error."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from amiss import __version__
from amiss.cli import demo, detect, doctor, fit, score
from amiss.core.errors import AmissError

__all__ = ["app", "main"]

_HELP = """Finds what is wrong in tables and sensor histories, says why, and keeps to the false alarms you asked for.

Exit codes: 0 done; 1 anomalies found and --fail-on given; 2 usage; 3 bad data; 4 model file; 5 internal;
130 interrupted.
"""

app = typer.Typer(name="amiss", help=_HELP, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command("detect")(detect.detect)
app.command("fit")(fit.fit)
app.command("score")(score.score)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"amiss {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; the process ends with the exit code that fits."""
    try:
        app()
    except AmissError as error:
        _say(f"amiss: {error}")
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        _say("amiss: interrupted; nothing was left half written")
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does: that is no error of anyone's.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except MemoryError:
        _say("amiss: the memory of this machine is not enough\n  mend:  give fewer columns, or a smaller file")
        raise SystemExit(5) from None
    except Exception as error:
        if os.environ.get("AMISS_DEBUG"):
            raise
        where = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        _say(f"amiss: an error inside amiss itself\n  where: {where}\n  mend:  AMISS_DEBUG=1 shows more; report it")
        raise SystemExit(5) from None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
