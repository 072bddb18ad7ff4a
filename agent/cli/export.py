"""``agent export``: trajectories in other programs' formats, and data for training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aci_tools.errors import UsageError
from agent.cli.options import output_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trajectories.exchange import Document

_FORMATS = "atif, swe-agent, mini-swe-agent, openhands, preds, openai, sharegpt, dpo, rollouts or otlp"


def export(
    paths: Annotated[
        list[Path], typer.Argument(help="Trajectory files, or directories of runs and of forks.", metavar="PATH...")
    ],
    format: Annotated[str, typer.Option("--format", "-f", help=f"One of {_FORMATS}.", metavar="F")],
    output: Annotated[
        Path | None, output_option("File to write, or directory for several; default: standard output.")
    ] = None,
    verdicts: Annotated[
        list[Path] | None,
        typer.Option("--verdicts", help="An evaluation's directory or file; default: what the run itself has."),
    ] = None,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Only attempts whose patch resolves their task (needs verdicts).")
    ] = False,
    send: Annotated[
        bool, typer.Option("--send", help="Of otlp: send it to OTEL_EXPORTER_OTLP_ENDPOINT instead.")
    ] = False,
    content: Annotated[
        bool, typer.Option("--content", help="Of otlp: with messages, and arguments and results of tools.")
    ] = False,
) -> None:
    """Write trajectories in another format; docs/formats.md says what each keeps.

    Exit code 0: written; 2: an unknown format, or input that is not a trajectory; 3: the receiver takes nothing.
    """
    from agent.telemetry.export import OtlpExporter
    from trajectories.exchange import Context, exporter, find_trajectories, read_verdicts, spread
    from trajectories.log import TrajectoryError

    otlp = OtlpExporter(keep=content) if format == OtlpExporter.name else None
    if otlp is None and (send or content):
        raise UsageError(f"{'--send' if send else '--content'} is for --format otlp")
    writer = otlp or exporter(format)
    found = list({t.path: t for path in paths for t in find_trajectories(path)}.values())
    runs = [path for path in paths if path.is_dir()]
    judged = read_verdicts(verdicts) if verdicts else read_verdicts(runs, around=[t.path for t in found if t.path])
    context = Context(judged, _tool_schemas())
    found, notes = spread(found, writer.tree)
    for note in notes:
        typer.echo(note, err=True)
    if resolved:
        if not context.verdicts.all:
            raise TrajectoryError("--resolved needs verdicts: evaluate the run, or give --verdicts")
        found = [t for t in found if (verdict := context.verdict(t)) is not None and verdict.resolved]
    if otlp is not None and send:
        count, told = otlp.send(found)
        for note in (*told, f"sent {count} spans"):
            typer.echo(note, err=True)
        return
    documents = writer.write(found, context)
    for document in documents:
        for note in document.notes:
            typer.echo(note, err=True)
    _write(documents, output)


def _write(documents: Sequence[Document], output: Path | None) -> None:
    import sys

    if output is None:
        if len(documents) > 1:
            raise UsageError(f"{len(documents)} files would be written; give --output DIRECTORY")
        for document in documents:
            sys.stdout.buffer.write(document.content)
        sys.stdout.flush()
        return
    many = len(documents) > 1 or output.is_dir()
    taken: set[str] = set()
    try:
        (output if many else output.parent).mkdir(parents=True, exist_ok=True)
        for document in documents:
            target = output / _free(document.name, taken) if many else output
            target.write_bytes(document.content)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}; choose another --output") from None
    count = f"{len(documents)} files in " if len(documents) > 1 else ""
    typer.echo(f"wrote {count}{output}", err=True)


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number before its ending where another document has it."""
    stem, dot, ending = name.partition(".")
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem}.{number}{dot}{ending}"
    taken.add(free)
    return free


def _tool_schemas() -> dict[str, dict[str, Any]]:
    """Function schemas of our tools, for formats that name the tools that a model was offered."""
    from aci_tools.tools import TOOLS
    from aci_tools.tools.describe import json_schema

    return {name: json_schema(tool) for name, tool in TOOLS.items()}
