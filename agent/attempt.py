"""Puts one attempt together: model, sandbox, session, opening messages, log."""

from __future__ import annotations

import contextlib
import platform
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from aci_tools.checks import measure_before
from aci_tools.errors import UsageError
from aci_tools.examples import Examples
from aci_tools.guard import Guard
from aci_tools.patch import put_patch
from aci_tools.sandbox import Sandbox, SandboxSpec
from aci_tools.session import Session, SessionSettings
from aci_tools.tools import toolset
from agent import __version__
from agent.baselines import Baselines
from agent.budget import Budget
from agent.config import Config
from agent.documented import documented_examples
from agent.formats import ActionFormat, Tools, make_format
from agent.human.base import Companion, Nobody
from agent.loop import Attempt, Listener
from agent.models import Model
from agent.policy import command_policy
from agent.prompts import render
from agent.retrieval import Snippet, relevant_functions, show, show_numbered, whole
from tasks.task import Task
from trajectories.events import AttemptStarted, Event, Message
from trajectories.log import EventLog

_NEW_FILE = re.compile(r"^--- /dev/null\n\+\+\+ b/(.+)$", re.MULTILINE)


@contextlib.contextmanager
def open_attempt(
    *,
    task: Task,
    sandbox: Sandbox,
    model: Model,
    config: Config,
    trajectory: Path,
    listener: Listener,
    companion: Companion | None = None,
    base: str = "",
    budget: Budget | None = None,
    notes: Sequence[str] = (),
    initial_patch: str = "",
    failed_patches: Sequence[str] = (),
    parent: dict[str, Any] | None = None,
) -> Iterator[Attempt]:
    """An attempt ready to run; one whose trajectory has events goes on from them.

    Args:
        task: What is to be solved.
        sandbox: A computer with its repository at the base commit.
        model: The model, which other attempts may use at the same time.
        config: The effective configuration.
        trajectory: The file that its events go to.
        listener: Shown every event.
        companion: Who is beside it; default: nobody.
        base: The commit that the repository is at; default: the task's base commit.
        budget: What it may spend; default: the configured limits.
        notes: What the agent is told beyond the task, a text each.
        initial_patch: Changes that are in the repository when it begins.
        failed_patches: What it shall not come to, see :class:`~aci_tools.session.Session`.
        parent: What it is a part of, for its first event.

    Raises:
        UsageError, InfrastructureError: A file cannot be used, or the sandbox was lost.
    """
    with EventLog(trajectory) as log:
        started = next((event for event in log.events if isinstance(event, AttemptStarted)), None)
        if log.events and started is None:
            raise UsageError(f"{trajectory} does not begin with the start of an attempt: it cannot be gone on with")
        # The recorded one lacks what looks like a secret, so that it may not even apply.
        given = initial_patch or (started.initial_patch if started else "")
        failed = failed_patches or (started.failed_patches if started else ())
        session = open_session(config, sandbox, task, base or task.base_commit, initial_patch=given, failed=failed)
        session.policy = command_policy(config.policy, attended=companion is not None and companion.confirms)
        tools = toolset(config.agent.tools)
        action_format = _format(config, model, log.events)
        relevant = _relevant(config, task, session)
        opening = opening_messages(config, task, session, action_format, tools, notes, relevant)
        names = [tool.tool_name() for tool in tools]
        begun = started or first_event(config, task, sandbox, session.base, model.name, names, action_format.name)
        if started is None:
            told = {"initial_patch": initial_patch, "failed_patches": list(failed_patches), "parent": parent}
            begun = begun.model_copy(update=told)
        yield Attempt(
            started=begun,
            opening=opening,
            session=session,
            model=model,
            format=action_format,
            tools=tools,
            config=config,
            log=log,
            listener=listener,
            companion=companion or Nobody(),
            budget=budget or Budget(config.limits),
            shown=relevant,
        )


def open_session(
    config: Config,
    sandbox: Sandbox,
    task: Task,
    base: str,
    *,
    initial_patch: str = "",
    failed: Iterable[str] = (),
    measure: bool = True,
) -> Session:
    """What tools work on, as an attempt finds it before its first action.

    Args:
        config: The effective configuration.
        sandbox: A computer with the repository at the base commit.
        task: The task.
        base: The base commit.
        initial_patch: Changes that are put into the repository; what is measured before the first edit is without them.
        failed: Patches that edits shall not lead to.
        measure: Whether the issue's examples and the tests are run now, for comparison.
    """
    aci = config.aci
    settings = SessionSettings(
        fit_indentation=aci.fit_indentation,
        window=aci.window,
        max_results=aci.max_results,
        command_timeout=aci.command_timeout,
        test_timeout=aci.test_timeout,
        test_command=aci.test_command or _test_command(task),
        test_delta=aci.test_delta,
        max_output=aci.max_output,
        review_submit=aci.review_submit,
        test_after_edit=aci.test_after_edit,
        take_back=aci.take_back,
        submit_when_solved=aci.submit_when_solved,
    )
    issue = task.problem_statement.replace("\r\n", "\n")
    examples = Examples.of(issue) if aci.examples_after_edit else Examples()
    guard = Guard.for_sandbox(sandbox) if aci.guard else None
    pristine = Baselines.of(config, sandbox, base)
    session = Session(sandbox, settings, guard, pristine=pristine, examples=examples, base=base)
    if aci.examples_after_edit and aci.documented_examples:
        session.examples = documented_examples(session, issue, examples)
    if measure:
        measure_before(session)
    session.failed_patches = frozenset(failed)
    if initial_patch:
        put_patch(sandbox, initial_patch)
        session.patch()
    return session


def _test_command(task: Task) -> str | None:
    """The task's own, unless it runs files that only the judging tests bring along."""
    command = task.environment.test_command if task.environment else ""
    hidden = _NEW_FILE.findall(task.test_patch)
    return None if any(name in command for name in hidden) else command or None


def _format(config: Config, model: Model, events: Sequence[Event]) -> ActionFormat:
    """That of the recorded events, whatever model goes on with them."""
    recorded = (event.action_format for event in events if isinstance(event, AttemptStarted))
    name = next(recorded, "") or config.agent.action_format
    if name == "auto":
        name = "tool_calls" if model.takes_tools else "thought_action"
    return make_format(name)


def _network(spec: SandboxSpec) -> str:
    """What commands can reach, in words."""
    if spec.network:
        return "a network"
    return f"no network but HTTP and HTTPS to {', '.join(spec.allow_hosts)}" if spec.allow_hosts else "no network"


def opening_messages(
    config: Config,
    task: Task,
    session: Session,
    action_format: ActionFormat,
    tools: Tools,
    notes: Sequence[str] = (),
    relevant: Sequence[Snippet] | None = None,
) -> list[Message]:
    """The system prompt and the task, with what the agent is told beyond it and the code that it is probably about."""
    snippets = list(relevant) if relevant is not None else _relevant(config, task, session)
    failures = session.examples.failures(session.examples.before)
    values: dict[str, Any] = {
        "root": session.root,
        "network": _network(session.sandbox.spec),
        "files": len(session.files()),
        "instructions": action_format.instructions(tools),
        "issue": task.problem_statement.strip(),
        "relevant_code": show(whole(session, snippets, config.agent.whole_files)),
        "numbered_code": show_numbered(session, snippets, config.agent.whole_files),
        "function": snippets[0].name if snippets else "function",
        "examples": f"\nAt present:\n{failures}\n" if failures else "",
        "notes": "".join(f"\n{note.strip()}\n" for note in notes),
    }
    return [
        Message(role="system", purpose="system", content=render("system", config.agent.system_prompt, values)),
        Message(role="user", purpose="task", content=render("task", config.agent.task_prompt, values)),
    ]


def _relevant(config: Config, task: Task, session: Session) -> list[Snippet]:
    count = config.agent.relevant_code
    return relevant_functions(session, task.problem_statement, count) if count else []


def blind(task: Task) -> Task:
    """The task without anything that an agent must not know, so that no strategy can come across it."""
    environment = task.environment
    if environment is not None:
        environment = environment.model_copy(update={"test_command": _test_command(task) or "", "p2p_exclude": ()})
    hidden = {"patch": "", "test_patch": "", "setup_patch": "", "eval_script": ""}
    return task.model_copy(update={**hidden, "fail_to_pass": (), "pass_to_pass": (), "environment": environment})


def first_event(
    config: Config,
    task: Task,
    sandbox: Sandbox,
    base: str,
    model: str,
    tools: Sequence[str] = (),
    action_format: str = "",
) -> AttemptStarted:
    """What an attempt's trajectory begins with.

    Args:
        config: The effective configuration.
        task: The task.
        sandbox: Its computer.
        base: The commit that the repository is at.
        model: The model's name.
        tools: Names of the tools offered.
        action_format: How the model writes an action.
    """
    return AttemptStarted(
        attempt_id=secrets.token_hex(8),
        task=task.public(),
        config=config.model_dump(mode="json"),
        model=model,
        sandbox={
            "kind": sandbox.kind,
            "image": sandbox.spec.image,
            "workdir": sandbox.workdir,
            "base_commit": base,
        },
        tools=list(tools),
        action_format=action_format,
        versions={"patchwright": __version__, "python": platform.python_version()},
    )
