"""``agent inspect``: look at attempts, on a page or on the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aci_tools.errors import UsageError

if TYPE_CHECKING:
    from trajectories.inspector import Collection


def inspect(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Trajectory files, and directories of them, such as a run's.", metavar="PATH..."),
    ],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write everything into one HTML file; -: standard output.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the page to this machine; it follows what is still being written.")
    ] = False,
    port: Annotated[int, typer.Option("--port", help="Port for --serve; 0 for any free one.")] = 8420,
) -> None:
    """Show attempts: what was thought, done and seen in every step, and how the patch grew.

    Without an option it is text, in a pager where standard output is a terminal: one attempt in full, several as a
    table.
    """
    from trajectories.inspector import Collection

    if html and serve:
        raise UsageError("--html writes the page and --serve serves it; choose one")
    collection = Collection(paths, may_be_empty=serve)
    if html:
        _write(html, collection)
    elif serve:
        _serve(collection, port)
    else:
        _show(collection)


def _write(file: Path, collection: Collection) -> None:
    from trajectories.inspector import static_page

    page = static_page(collection).encode()
    if str(file) == "-":
        sys.stdout.buffer.write(page)
        sys.stdout.flush()
        return
    try:
        file.write_bytes(page)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None
    count = len(collection.whole)
    print(f"{file}: {count} attempt{'' if count == 1 else 's'}, {len(page) / 1000:,.0f} kB", file=sys.stderr)


def _serve(collection: Collection, port: int) -> None:
    from trajectories.inspector import serve

    serve(collection, port, lambda server: print(f"{server.url}  (Ctrl-C ends it)", file=sys.stderr, flush=True))


def _show(collection: Collection) -> None:
    import os
    import pydoc
    import shutil

    from trajectories.inspector import as_text

    on_terminal = sys.stdout.isatty()
    colour = on_terminal and not os.environ.get("NO_COLOR")
    lines = as_text(collection, colour=colour, width=shutil.get_terminal_size().columns)
    if on_terminal:
        os.environ.setdefault("LESS", "-R")  # colours, and nothing else that the text may hold
        pydoc.pager("\n".join(lines))
        return
    for line in lines:
        sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.flush()
