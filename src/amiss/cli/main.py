"""The `amiss` command: puts the verbs together and words every error."""

from __future__ import annotations

import functools
import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from amiss import __version__
from amiss.cli import (
    alert,
    backtest,
    benchmark,
    compare,
    config,
    demo,
    detect,
    doctor,
    drift,
    evaluate,
    events,
    fit,
    flows,
    learn,
    promise,
    score,
    serve,
    silence,
    tune,
    watch,
)
from amiss.cli.streams import let_carry_everything, say_last, settled
from amiss.core.errors import AmissError

__all__ = ["app", "main"]

_HELP = """Finds what is wrong in tables and sensor histories, says why, and keeps to the false alarms you asked for.

Exit codes: 0 done; 1 anomalies or drift found and --fail-on or --fail-on-drift given; 2 usage; 3 bad data;
4 model file; 5 internal; 130 interrupted.
"""

app = typer.Typer(name="amiss", help=_HELP, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def _worded(verb: Callable[..., None]) -> Callable[..., None]:
    """`verb`, ending every failure with a sentence on stderr and the exit code that fits.

    A panic inside a compiled library is no `Exception` to Python; it is caught here all the same.
    """

    @functools.wraps(verb)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            verb(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except AmissError as error:
            _end(f"amiss: {error}", error.exit_code)
        except KeyboardInterrupt:
            _end("amiss: interrupted; nothing was left half written", 130)
        except BrokenPipeError:
            # The reader of our output has gone, as `head` does: that is no error of anyone's.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except OSError as error:
            _end(f"amiss: cannot write: {error.strerror or error}\n  mend:  free some space, or write elsewhere", 3)
        except MemoryError:
            _end("amiss: the memory of this machine is not enough\n  mend:  give fewer columns, or a smaller file", 5)
        except BaseException as error:
            if isinstance(error, (SystemExit, GeneratorExit)):
                raise
            if os.environ.get("AMISS_DEBUG"):
                raise
            where = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            _end(f"amiss: an error inside amiss\n  where: {where}\n  mend:  AMISS_DEBUG=1 shows more; report it", 5)

    return run


def _end(text: str, code: int) -> NoReturn:
    say_last(text)
    raise typer.Exit(code) from None


_VERBS: dict[str, Callable[..., None]] = {
    "detect": detect.detect,
    "fit": fit.fit,
    "score": score.score,
    "promise": promise.promise,
    "compare": compare.compare,
    "tune": tune.tune,
    "benchmark": benchmark.benchmark,
    "evaluate": evaluate.evaluate,
    "backtest": backtest.backtest,
    "drift": drift.drift,
    "learn": learn.learn,
    "flows": flows.flows,
    "watch": watch.watch,
    "serve": serve.serve,
    "demo": demo.demo,
    "doctor": doctor.doctor,
}
for _name, _verb in _VERBS.items():
    app.command(_name)(_worded(_verb))

_GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "alert": ("Alarms and those who are told.", {"test": alert.try_channels}),
    "config": ("Configuration files of amiss watch.", {"check": config.check}),
    "events": (events.HELP, {"ack": events.acknowledge}),
    "silence": (
        "Events that nobody is to be told of for a while; they are found and kept all the same.",
        {"add": silence.add, "list": silence.listed, "end": silence.end},
    ),
}
_ALONE: dict[str, Callable[..., None]] = {"events": events.listed}
"""What a group does without a verb; others print their help."""
for _name, (_help, _verbs) in _GROUPS.items():
    _alone = _ALONE.get(_name)
    _group = typer.Typer(name=_name, help=_help, no_args_is_help=_alone is None, rich_markup_mode=None)
    # A group of one verb is a group all the same.
    _group.callback(invoke_without_command=_alone is not None)(_worded(_alone) if _alone else lambda: None)
    for _inner, _verb in _verbs.items():
        _group.command(_inner)(_worded(_verb))
    app.add_typer(_group)


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
    let_carry_everything()
    if not sys.warnoptions and not os.environ.get("AMISS_DEBUG"):
        warnings.simplefilter("ignore")  # what another library has to say to programmers
    try:
        app()
    except (SystemExit, OSError) as ended:
        code = settled(ended)
    sys.exit(code)
