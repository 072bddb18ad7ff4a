"""The command line. A command is one module of this package; importing them is quick, running them loads the rest."""

from __future__ import annotations

import sys

import typer

from aci_tools.errors import PatchwrightError
from agent import __version__
from agent.cli import cleanup, config, demo, doctor, models, solve, tools

app = typer.Typer(
    name="agent",
    help="Patchwright: from an issue to a tested patch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command("solve")(solve.solve)
app.command("demo")(demo.demo)
app.command("tools")(tools.tools)
app.command("models")(models.models)
app.command("doctor")(doctor.doctor)
app.command("cleanup")(cleanup.cleanup)
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
    try:
        app()
    except PatchwrightError as error:
        print(f"agent: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SystemExit as ending:
        # Typer turns an interrupt into exit code 130 and a closed pipe into 1, both without a word.
        if isinstance(getattr(ending.__context__, "__cause__", None), KeyboardInterrupt):
            print("agent: interrupted", file=sys.stderr)
        raise
