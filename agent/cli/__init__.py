"""The command line. A command is one module of this package; importing them is quick, running them loads the rest."""

from __future__ import annotations

import contextlib
import os
import sys
from io import TextIOWrapper
from typing import NoReturn, cast

import typer

from aci_tools.errors import PatchwrightError
from agent import __version__
from agent.cli import (
    batch,
    cleanup,
    compare,
    config,
    demo,
    doctor,
    environment,
    evaluate,
    export,
    faults,
    fork,
    images,
    import_,
    inspect,
    mcp,
    memory,
    models,
    replay,
    solve,
    stats,
    tools,
)

#: What a wrong option or argument raises.
_UsageFault = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])

app = typer.Typer(
    name="agent",
    help="Patchwright: from an issue to a tested patch.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command("solve")(solve.solve)
app.command("batch")(batch.batch)
app.command("evaluate")(evaluate.evaluate)
app.command("demo")(demo.demo)
app.command("stats")(stats.stats)
app.command("replay")(replay.replay)
app.command("fork")(fork.fork)
app.command("compare")(compare.compare)
app.command("export")(export.export)
app.command("import")(import_.import_)
app.command("tools")(tools.tools)
app.command("inspect")(inspect.inspect)
app.command("mcp")(mcp.mcp)
app.command("models")(models.models)
app.command("environment")(environment.environment)
app.command("doctor")(doctor.doctor)
app.command("cleanup")(cleanup.cleanup)
app.add_typer(images.app, name="images")
app.add_typer(memory.app, name="memory")
app.add_typer(config.app, name="config")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"patchwright {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Show the version."),
) -> None:
    """Patchwright: from an issue to a tested patch."""


def main() -> None:
    """Run the command line; every fault that a user can mend is one line on standard error."""
    _open_closed_streams()
    out = sys.stdout
    if isinstance(out, TextIOWrapper) and (out.errors == "strict" or out.encoding.lower() != "utf-8"):
        out.reconfigure(errors="replace")  # a terminal or a locale that lacks a sign gets a question mark
    try:
        code = app(prog_name="agent", standalone_mode=False)
        sys.stdout.flush()
    except _UsageFault as fault:
        shown = fault.format_message()
        help_shown = not shown or "\n" in shown
        _end(shown if help_shown else f"agent: {shown} (`agent {_command()}--help` says more)", fault.exit_code)
    except PatchwrightError as error:
        _end(f"agent: {error}", error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _end("agent: interrupted", 130)
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more can be written to it, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except OSError as error:
        _end(f"agent: {faults.told(error)}", faults.exit_code(error))
    if code == 130:
        _end("agent: interrupted", 130)
    _end("", code if isinstance(code, int) else 0)


def _open_closed_streams() -> None:
    """What is closed from the start is the null device, lest a file that is opened later takes its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


def _end(line: str, code: int) -> NoReturn:
    """End the process with a last line on standard error, whether or not that and standard output can be written."""
    with contextlib.suppress(OSError):
        if line:
            print(line, file=sys.stderr)
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    sys.exit(code)


def _command() -> str:
    """The command that was called, for a hint."""
    names = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    return f"{sys.argv[1]} " if len(sys.argv) > 1 and sys.argv[1] in names else ""
