"""Puts one attempt together: model, sandbox, session, opening messages, log; and takes it down whatever happens."""

from __future__ import annotations

import contextlib
import platform
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from aci_tools.checks import measure_before
from aci_tools.errors import InfrastructureError
from aci_tools.examples import Examples
from aci_tools.guard import Guard
from aci_tools.sandbox import MIB, Limits, Sandbox, SandboxSpec, available_kinds, open_sandbox
from aci_tools.session import Session, SessionSettings
from aci_tools.tools import toolset
from agent import __version__
from agent.config import Config
from agent.environment import host_python, import_path
from agent.formats import ActionFormat, Tools, make_format
from agent.loop import Attempt
from agent.models import Model, open_model
from agent.progress import Progress
from agent.prompts import render
from agent.retrieval import relevant_functions, show
from tasks.repository import Prepared
from tasks.task import Task
from trajectories.events import AttemptStarted, Message
from trajectories.log import EventLog


@contextlib.contextmanager
def open_attempt(
    *, task: Task, repository: Prepared, origin: Path | None, config: Config, trajectory: Path, progress: Progress
) -> Iterator[Attempt]:
    """An attempt ready to run.

    Args:
        task: What is to be solved.
        repository: The prepared copy of its repository.
        origin: The user's own directory that it was copied from, if any; its virtual environment is used.
        config: The effective configuration.
        trajectory: The file that its events go to.
        progress: Shown every event.

    Raises:
        UsageError, InfrastructureError: The model or the sandbox cannot be used; nothing is left behind.
    """
    with contextlib.ExitStack() as stack:
        model = open_model(config.model, progress.retry)
        stack.callback(model.close)
        check = getattr(model, "check", None)
        if check is not None:
            check()
        sandbox = stack.enter_context(contextlib.closing(_open_sandbox(config, task, repository, origin, progress)))
        session = _session(config, sandbox, task)
        tools = toolset(config.agent.tools)
        action_format = _format(config, model)
        log = stack.enter_context(EventLog(trajectory))
        progress.say(f"model: {model.name}, {action_format.name}; task: {task.id}")
        progress.doing("reading the repository")
        yield Attempt(
            started=_started(config, task, sandbox, model, tools),
            opening=_opening(config, task, session, action_format, tools),
            session=session,
            model=model,
            format=action_format,
            tools=tools,
            config=config,
            log=log,
            listener=progress,
        )
        progress.doing("removing the sandbox")


def _open_sandbox(config: Config, task: Task, repository: Prepared, origin: Path | None, progress: Progress) -> Sandbox:
    wanted = config.sandbox
    kind, reason = _kind(wanted.kind)
    image = wanted.image or task.image
    if kind == "docker" and image is None:
        from agent.images import default_image

        try:
            image = default_image(progress)
        except InfrastructureError as error:
            if wanted.kind == "docker":
                raise
            others = [k.kind for k in available_kinds() if k.usable and k.kind != "docker"]
            if "namespace" not in others:
                raise
            kind, reason = "namespace", str(error)
    spec = SandboxSpec(
        workdir=wanted.workdir,
        repository=repository.path,
        image=image,
        env=dict(wanted.env),
        startup=wanted.startup,
        read_only=tuple(Path(p).expanduser() for p in wanted.read_only),
        network=wanted.network,
        limits=Limits(
            memory=None if wanted.memory is None else wanted.memory * MIB,
            cpus=wanted.cpus,
            pids=wanted.pids,
            disk=None if wanted.disk is None else wanted.disk * MIB,
            lifetime=wanted.lifetime,
        ),
    )
    if kind == "docker":
        what = f"image {image}"
        if wanted.image is None and task.image is None:
            spec = _importable(spec, repository, spec.workdir)
    else:
        python = host_python(origin)
        what = python.note
        spec = replace(spec, env={"PATH": python.path, **spec.env}, read_only=(*python.read_only, *spec.read_only))
        spec = _importable(spec, repository, spec.workdir)
    progress.doing(f"starting the sandbox ({kind})")
    sandbox = open_sandbox(kind, spec)
    progress.say(f"sandbox: {kind}, {what}" + (f" ({reason})" if reason else ""), "bold")
    if kind == "local":
        progress.say("the local sandbox isolates nothing: commands of the model run as you, on this machine", "yellow")
    return sandbox


def _importable(spec: SandboxSpec, repository: Prepared, workdir: str) -> SandboxSpec:
    return replace(spec, env={"PYTHONPATH": import_path(repository.path, workdir), **spec.env})


def _kind(wanted: str) -> tuple[str, str]:
    """The kind of sandbox to use, and why it is not a better one."""
    if wanted != "auto":
        return wanted, ""
    reason = ""
    for kind in available_kinds():
        if kind.kind == "local":
            continue  # only when asked for by name
        if kind.usable:
            return kind.kind, reason
        reason = reason or kind.reason
    raise InfrastructureError(
        f"no sandbox works here ({reason}); `agent doctor` says what is missing; "
        "--sandbox local works without isolation"
    )


def _session(config: Config, sandbox: Sandbox, task: Task) -> Session:
    aci = config.aci
    settings = SessionSettings(
        window=aci.window,
        max_results=aci.max_results,
        command_timeout=aci.command_timeout,
        test_timeout=aci.test_timeout,
        test_command=aci.test_command or (task.environment and task.environment.test_command) or None,
        max_output=aci.max_output,
        review_submit=aci.review_submit,
        test_after_edit=aci.test_after_edit,
        take_back=aci.take_back,
        submit_when_solved=aci.submit_when_solved,
    )
    examples = Examples.of(task.problem_statement) if aci.examples_after_edit else Examples()
    guard = Guard.for_sandbox(sandbox) if aci.guard else None
    session = Session(sandbox, settings, guard, examples=examples, base=task.base_commit)
    measure_before(session)
    return session


def _format(config: Config, model: Model) -> ActionFormat:
    name = config.agent.action_format
    if name == "auto":
        name = "tool_calls" if model.takes_tools else "thought_action"
    return make_format(name)


def _opening(config: Config, task: Task, session: Session, action_format: ActionFormat, tools: Tools) -> list[Message]:
    count = config.agent.relevant_code
    snippets = relevant_functions(session, task.problem_statement, count) if count else []
    values: dict[str, Any] = {
        "root": session.root,
        "files": len(session.files()),
        "instructions": action_format.instructions(tools),
        "issue": task.problem_statement.strip(),
        "relevant_code": show(snippets),
    }
    return [
        Message(role="system", purpose="system", content=render("system", config.agent.system_prompt, values)),
        Message(role="user", purpose="task", content=render("task", config.agent.task_prompt, values)),
    ]


def _started(config: Config, task: Task, sandbox: Sandbox, model: Model, tools: Tools) -> AttemptStarted:
    return AttemptStarted(
        attempt_id=secrets.token_hex(8),
        task=task.public(),
        config=config.model_dump(mode="json"),
        model=model.name,
        sandbox={"kind": sandbox.kind, "image": sandbox.spec.image, "workdir": sandbox.workdir},
        tools=[tool.tool_name() for tool in tools],
        versions={"patchwright": __version__, "python": platform.python_version()},
    )
