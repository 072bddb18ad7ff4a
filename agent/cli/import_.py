"""``agent import``: other agents' trajectories as ours, so that all else works on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.options import output_option


def import_(
    files: Annotated[list[Path], typer.Argument(help="Trajectory files of other agents.", metavar="FILE...")],
    output: Annotated[
        Path | None, output_option("Directory, with one for each attempt; default: among the runs.")
    ] = None,
    format: Annotated[
        str,
        typer.Option("--format", "-f", help="auto, atif, swe-agent, mini-swe-agent, openhands or preds.", metavar="F"),
    ] = "auto",
) -> None:
    """Read other agents' trajectories; what cannot be kept is said. Nothing is written when a file cannot be read.

    Exit code 0: all written; 2: a file of an unknown format, or damaged.
    """
    from agent.workspace import among_the_runs
    from trajectories.exchange import import_file, store

    output = output or among_the_runs()

    read = [(file, *import_file(file, format)) for file in files]
    for file, name, attempts in read:
        written = store(attempts, output)
        said: dict[str, int] = {}
        for path, notes in written:
            print(path)
            for note in notes:
                said[note] = said.get(note, 0) + 1
        count = f"{len(written)} attempt{'' if len(written) == 1 else 's'}"
        typer.echo(f"{file}: {count} read as {name}", err=True)
        for note, times in said.items():
            typer.echo(f"  {note}" + (f" ({times} times)" if times > 1 else ""), err=True)
