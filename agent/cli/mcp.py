"""``agent mcp``: the tools on a repository, for other agents."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from aci_tools.errors import UsageError
from agent.cli.options import ConfigFiles, Kind, Settings, effective_config, output_option


def mcp(
    repo: Annotated[str, typer.Option("--repo", "-r", help="Path or clone URL.")] = ".",
    base: Annotated[str | None, typer.Option("--base", help="Revision to work on; default: HEAD.")] = None,
    tools: Annotated[
        str | None,
        typer.Option("--tools", help="Tools to serve, by name, with commas; default: all.", metavar="A,B,..."),
    ] = None,
    sandbox: Kind = None,
    image: Annotated[
        str | None, typer.Option("--image", help="Container image with sh, git and what the tests need.")
    ] = None,
    output: Annotated[Path | None, output_option("Directory for the patch and the trajectory.")] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Put what a client submits into the repository given by path.")
    ] = False,
    include_uncommitted: Annotated[
        bool, typer.Option("--include-uncommitted", help="Work with the repository's uncommitted changes.")
    ] = False,
    http: Annotated[
        int | None,
        typer.Option("--http", min=0, max=65535, help="Serve HTTP on this port of 127.0.0.1; 0: any.", metavar="PORT"),
    ] = None,
    config: ConfigFiles = None,
    settings: Settings = None,
) -> None:
    """Serve the tools to other agents over the Model Context Protocol, on a copy of a repository in a sandbox.

    A client starts this command and speaks to it by its standard input and output; with --http, any number of them
    share one sandbox, and the patch goes to standard output at the end.

    Exit code 0: the client is gone, or an interrupt ended it; 2: wrong input; 3: infrastructure.
    """
    from aci_tools.tools import TOOLS
    from agent.mcp import McpRequest, serve_tools
    from agent.progress import Progress

    signal.signal(signal.SIGTERM, _interrupt)
    names = None if tools is None else [name.strip() for name in tools.split(",") if name.strip()]
    if names == []:
        raise UsageError("--tools: name at least one; `agent tools` lists all")
    flags: dict[str, Any] = {"agent__tools": names, "sandbox__kind": sandbox, "sandbox__image": image}
    files = ["mcp", *(config or ())]
    effective = effective_config(files, settings, **flags)
    if "tools" not in effective.agent.model_fields_set:
        effective = effective_config(files, settings, **{**flags, "agent__tools": list(TOOLS)})
    request = McpRequest(repo, base, effective, output, apply, include_uncommitted, http)
    with Progress() as progress:
        ended = serve_tools(request, progress)
    if http is not None:
        sys.stdout.buffer.write(ended.patch.encode("utf-8", "surrogateescape"))
        sys.stdout.flush()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
