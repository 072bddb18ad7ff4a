"""Serves the tools on a repository: everything around the calls, put together and taken down again."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aci_tools.errors import UsageError
from agent.config import Config
from agent.progress import Progress
from agent.workspace import among_the_runs, kept_clones, writable
from trajectories.events import AttemptEnded

if TYPE_CHECKING:
    from aci_tools.sandbox import Sandbox
    from agent.mcp.relay import Relay
    from agent.mcp.server import Offer
    from tasks.repository import Prepared

#: The variable that holds the token of HTTP clients; without it one is made up.
TOKEN = "PATCHWRIGHT_MCP_TOKEN"


@dataclass(frozen=True)
class McpRequest:
    """What ``agent mcp`` was asked.

    Attributes:
        repo: Path or clone URL.
        base: Revision; ``None``: HEAD.
        config: The effective configuration; its ``agent.tools`` are served.
        output: Directory for the patch and the trajectory; ``None``: one of its own among the runs.
        apply: Whether what is submitted goes into the user's working tree.
        include_uncommitted: Whether uncommitted changes belong to the base.
        port: Port on 127.0.0.1 to serve HTTP at, 0 for a free one; ``None``: standard input and output.
    """

    repo: str
    base: str | None
    config: Config
    output: Path | None = None
    apply: bool = False
    include_uncommitted: bool = False
    port: int | None = None


def serve_tools(request: McpRequest, progress: Progress) -> AttemptEnded:
    """Serve until the client goes, or until an interrupt.

    Raises:
        UsageError, InfrastructureError: It cannot be begun, or the sandbox was lost; nothing is left behind but the
            patch so far.
    """
    from aci_tools.sandbox.workspace import workspace
    from agent.computer import open_computer
    from agent.mcp.relay import Relay
    from agent.mcp.server import need_sdk
    from tasks.repository import prepare

    need_sdk()
    if request.apply and not Path(request.repo).is_dir():
        raise UsageError("--apply: the repository is given as a URL, so there is no working tree to apply to")
    output = _output(request.output)
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(workspace())
        progress.doing(f"preparing {request.repo}")
        taken = request.include_uncommitted
        prepared = prepare(
            request.repo, request.base, scratch / "repository", include_uncommitted=taken, clones=kept_clones()
        )
        for note in prepared.notes:
            progress.say(note, "yellow")
        if prepared.dirty and not taken:
            progress.say("uncommitted changes are left out; --include-uncommitted takes them along", "yellow")
        relay = Relay()
        # Clients wait for a greeting, but not for the sandbox: their first call does.
        _listen(request, _offer(request, prepared), relay, progress)
        origin = Path(request.repo) if Path(request.repo).is_dir() else None
        sandbox = open_computer(request.config, prepared.path, progress, origin=origin)
        stack.callback(progress.doing, "removing the sandbox")
        stack.enter_context(contextlib.closing(sandbox))
        return _work(request, prepared, sandbox, relay, output, progress)


def _work(
    request: McpRequest, prepared: Prepared, sandbox: Sandbox, relay: Relay, output: Path, progress: Progress
) -> AttemptEnded:
    from aci_tools.tools import toolset
    from agent.attempt import first_event, open_session
    from agent.mcp.deliver import Deliver
    from agent.mcp.desk import Desk
    from agent.policy import command_policy
    from agent.solve import PATCH, TRAJECTORY
    from tasks.task import Task
    from trajectories.log import EventLog

    here = Path(prepared.origin)
    task = Task(
        id=f"mcp-{secrets.token_hex(4)}",
        repo=str(here.resolve()) if here.is_dir() else prepared.origin,
        base_commit=prepared.base_commit,
        problem_statement="",
        source={"kind": "mcp"} | ({"uncommitted": "included"} if prepared.uncommitted else {}),
    )
    config, names = request.config, request.config.agent.tools
    with EventLog(output / TRAJECTORY) as log:
        session = open_session(config, sandbox, task, prepared.base_commit)
        session.policy = command_policy(config.policy)
        desk = Desk(
            first_event(config, task, sandbox, session.base, "mcp", names, "tool_calls"),
            session,
            toolset(names),
            relay,
            log,
            progress,
            Deliver(output / PATCH, Path(request.repo).resolve() if request.apply else None),
        )
        try:
            with contextlib.suppress(KeyboardInterrupt):
                relay.serve(desk.answer)
        finally:
            # A client that waits two seconds for the end and then asks for it must not disturb the tidying up.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            ended = desk.end()
    if ended.patch:
        progress.say(f"patch: {output / PATCH}")
    progress.say(f"trajectory: {output / TRAJECTORY}")
    return ended


def _offer(request: McpRequest, prepared: Prepared) -> Offer:
    from aci_tools.tools import toolset
    from agent.mcp.server import Offer
    from agent.prompts import render

    wanted = request.config.sandbox
    network = "a network" if wanted.network else "no network"
    if wanted.allow_hosts:
        network = f"HTTP and HTTPS to {', '.join(wanted.allow_hosts)} and no other network"
    place = f"in a sandbox with {network}; the files on the user's machine are not in it"
    if wanted.kind == "local":
        place = "in a directory beside it; nothing isolates it, and commands run on the user's machine as the user"
    values = {
        "repository": prepared.origin,
        "commit": prepared.base_commit[:12],
        "place": place,
        "applied": " It also puts them into the user's working tree." if request.apply else "",
    }
    return Offer(
        toolset(request.config.agent.tools),
        render("mcp", "instructions", values),
        wanted.network or bool(wanted.allow_hosts),
    )


def _listen(request: McpRequest, offer: Offer, relay: Relay, progress: Progress) -> None:
    from agent.mcp.server import make_server, new_token, start_http, start_stdio

    server = make_server(offer, relay)
    if request.port is None:
        start_stdio(server, relay)
        return
    given = os.environ.get(TOKEN, "")
    token = given or new_token()
    address = start_http(server, relay, request.port, token)
    shown = f"the token in {TOKEN}" if given else token
    progress.say(f"serving {address} to clients that send the header Authorization: Bearer {shown}", "bold")


def _output(wanted: Path | None) -> Path:
    from agent.solve import TRAJECTORY

    output = writable(wanted or among_the_runs())
    if (output / TRAJECTORY).exists():
        raise UsageError(f"--output {output}: there is a trajectory already; choose another directory")
    return output
