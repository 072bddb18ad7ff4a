"""From a trajectory and a step to forks: new trajectories that share the events up to that step, and go on."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aci_tools.errors import UsageError
from aci_tools.tools import toolset
from agent import __version__
from agent.batch.places import Place
from agent.config import Config, PolicyConfig
from agent.config_files import dump_config, load_config
from agent.fork.adopt import adopt, check, with_issue
from agent.fork.request import ForkRequest
from agent.fork.value import StepValue
from agent.fork.write import reply_with
from agent.formats import ActionFormat, make_format
from agent.human import Companion, Nobody
from agent.loop import Listener
from agent.models import Model, open_model
from agent.progress import Voice
from agent.rebuild import Rebuilt, set_right
from agent.reopen import Reopening, read_recorded, recorded_config, say_withheld, trajectory_file
from agent.replay.foreign import format_of
from agent.replay.origin import locate, with_workdir
from agent.resume import Recorded
from agent.status import Status
from agent.strategies import SINGLE, Brief
from trajectories.events import AttemptEnded, AttemptStarted, Message, ModelReplied
from trajectories.forks import Change, fork, shared_events, write
from trajectories.log import read_events
from trajectories.redact import MASK, Redactor
from trajectories.trees import begun_with, is_tree, root_of, trials

if TYPE_CHECKING:
    from tasks.grading import Verdict
    from tasks.task import Task

TRAJECTORY, PATCH, VALUE = "trajectory.jsonl", "patch.diff", "value.json"
#: Settings of which the opening messages are made.
_PROMPT = ("system_prompt", "task_prompt", "relevant_code", "tools")

#: Gives the verdict on a patch.
Judge = Callable[["Task", str], "Verdict"]
#: Gives who is beside an attempt with a policy.
Beside = Callable[[PolicyConfig], contextlib.AbstractContextManager[Companion]]


@dataclass(frozen=True)
class Forked:
    """One fork.

    Attributes:
        output: Its directory.
        ended: How it ended.
        verdict: How its patch was judged, if it was.
    """

    output: Path
    ended: AttemptEnded
    verdict: Verdict | None = None

    @property
    def resolved(self) -> bool | None:
        """Whether it resolves the task; ``None`` when that is not known."""
        if Status.of(self.ended.status).infrastructure or self.verdict is None:
            return None
        broken = ("infrastructure", "broken_image", "error")
        return None if self.verdict.status in broken else self.verdict.resolved

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        facts = self.ended.model_dump(mode="json", include={"status", "detail", "steps", "usage", "duration", "patch"})
        return {"output": str(self.output), **facts, "verdict": self.verdict.status if self.verdict else None}


def fork_attempt(
    request: ForkRequest,
    voice: Voice,
    *,
    listener: Listener = lambda event: None,
    judge: Judge | None = None,
    beside: Beside = lambda policy: contextlib.nullcontext(Nobody()),
) -> tuple[list[Forked], StepValue | None]:
    """Fork an attempt, once or several times, and go on with each fork to its end.

    Args:
        request: What is asked.
        voice: Told what is waited for.
        listener: Told of every new event.
        judge: Gives verdicts, from which the value of the step comes; ``None``: none is asked for.
        beside: Who is beside the forks, for as long as they work.

    Returns:
        The forks, and the value of the step where they were judged.

    Raises:
        UsageError: There is no such step, or what is to change does not fit it.
        InfrastructureError: The sandbox or the model cannot be had.
    """
    from aci_tools.sandbox.workspace import workspace

    recorded, where = read_recorded(request.trajectory, trust=request.where.trust), request.where
    refuse_a_tree(recorded, request.trajectory)
    say_withheld(recorded, where, voice)
    shared_events(recorded.events, request.step)  # refuses a step that is not there
    imported = format_of(recorded.started)
    _refuse_what_is_there(request)
    forks: list[Forked] = []
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(workspace())
        config = _config(recorded, request, scratch)
        if request.times > 1 and config.model.temperature == 0:
            voice.say("forks at temperature 0 differ little; --set model.temperature=0.8 helps", "yellow")
        if imported:
            check(recorded, request)
            recorded, where, notes = locate(with_issue(recorded), where, scratch, voice)
            config = with_workdir(config, recorded)
            for note in notes:
                voice.say(note)
        maker = None if imported else _Maker(recorded, request, config, request.step)
        model = stack.enter_context(contextlib.closing(open_model(config.model, getattr(voice, "retry", None))))
        model.check()
        reopening = Reopening(recorded, config, where, scratch, voice)
        if maker is None:
            adopted = adopt(recorded, request.step, reopening, _format_for(config, model), voice)
            maker = _Maker(adopted.recorded, request, config, adopted.step, imported)
        companion = stack.enter_context(beside(config.policy))
        for number in range(1, request.times + 1):
            output = request.output if request.times == 1 else request.output / str(number)
            if request.times > 1:
                voice.say(f"fork {number} of {request.times}", "bold")
            with contextlib.closing(reopening.open()) as place:
                ended, patch = maker.run(place, reopening.config, number, model, output, listener, companion)
            voice.doing("judging the patch" if judge else "")
            verdict = judge(reopening.task, patch) if judge and ended.status != Status.INTERRUPTED else None
            forks.append(Forked(output, ended, verdict))
            if ended.status == Status.INTERRUPTED:
                break
    if judge is None:
        return forks, None
    value = StepValue.of(recorded.started.attempt_id, request.step, [made.resolved for made in forks])
    (request.output / VALUE).write_text(json.dumps(value.as_json(), indent=2) + "\n", encoding="utf-8")
    return forks, value


@dataclass
class _Maker:
    """Makes forks of one attempt.

    Args:
        recorded: The attempt, ours or made ours.
        request: What is asked.
        config: The settings that it goes on with.
        step: The number of the last shared step in it.
        imported: The format that it was imported from, if it was.
    """

    recorded: Recorded
    request: ForkRequest
    config: Config
    step: int
    imported: str = ""

    def __post_init__(self) -> None:
        request, recorded = self.request, self.recorded
        self.format = make_format(recorded.started.action_format or "tool_calls")
        tools = toolset(self.config.agent.tools)
        reply = request.reply
        if request.action is not None:
            own = (e for e in recorded.events if isinstance(e, ModelReplied) and e.step == self.step)
            found = next(own, None)
            if found is None:
                raise UsageError(f"--at {request.step}: there is no action to replace")
            reply = reply_with(found, request.action, self.format, tools)
        self.change = Change(request.say, reply, request.observation)
        # Whatever does not fit is told before a sandbox is opened.
        fork(recorded.events, self.step, recorded.started, self.change)

    def run(
        self,
        place: Place,
        config: Config,
        number: int,
        model: Model,
        output: Path,
        listener: Listener,
        companion: Companion,
    ) -> tuple[AttemptEnded, str]:
        """Write a fork's shared events and go on."""
        from agent.attempt import open_attempt

        if self.request.times > 1:
            seeded = config.model.model_copy(update={"seed": (config.model.seed or 0) + number})
            config = config.model_copy(update={"model": seeded})
        change = self.change
        if self._prompt_changes():
            change = replace(change, opening=self._opening(config, place))
        started = self._started(config, place, model)
        events = fork(self.recorded.events, self.step, started, change)
        if self.imported:
            first = events[0]
            assert isinstance(first, AttemptStarted)
            # As the imported attempt counts its steps.
            events[0] = first.model_copy(update={"parent": {**(first.parent or {}), "step": self.request.step}})
        redactor = Redactor.from_environment()
        write(events, output / TRAJECTORY, redactor)
        with open_attempt(
            task=place.task,
            base=place.base,
            sandbox=place.sandbox,
            model=model,
            config=config,
            trajectory=output / TRAJECTORY,
            listener=listener,
            companion=companion,
            initial_patch=self._begun_with(),
        ) as attempt:
            ended = attempt.run()
        (output / PATCH).write_bytes(attempt.patch.encode("utf-8", "surrogateescape"))
        return ended, attempt.patch

    def _begun_with(self) -> str:
        file = trajectory_file(self.request.trajectory)
        return begun_with(self.recorded.started, file, Redactor.from_environment())

    def _prompt_changes(self) -> bool:
        before = recorded_config(self.recorded.started.config).agent
        named = any(text.startswith(f"agent.{key}=") for text in self.request.settings for key in _PROMPT)
        return named or any(getattr(before, key) != getattr(self.config.agent, key) for key in _PROMPT)

    def _opening(self, config: Config, place: Place) -> list[Message]:
        from agent.attempt import open_session, opening_messages
        from agent.strategies.bench import told

        begun = self._begun_with()
        session = open_session(config, place.sandbox, place.task, place.base, initial_patch=begun)
        notes = told(_brief(trajectory_file(self.request.trajectory)))
        messages = opening_messages(config, place.task, session, self.format, toolset(config.agent.tools), notes)
        # The attempt puts the changes that it begins with in place by itself.
        set_right(session, "", Redactor.from_environment(), Rebuilt())
        return messages

    def _started(self, config: Config, place: Place, model: Model) -> AttemptStarted:
        recorded = self.recorded.started
        sandbox = place.sandbox
        # The observations of these steps are in another agent's words.
        before = (recorded.parent or {}).get("imported")
        of = {"format": self.imported, "steps": self.step} if self.imported else before
        told = {"imported": of} if of else {}
        return recorded.model_copy(
            update={
                "attempt_id": secrets.token_hex(8),
                "parent": {"trajectory": str(trajectory_file(self.request.trajectory).resolve()), **told},
                "task": {**recorded.task, **place.task.public()},
                "config": config.model_dump(mode="json"),
                "model": model.name,
                "sandbox": {
                    "kind": sandbox.kind,
                    "image": sandbox.spec.image,
                    "workdir": sandbox.workdir,
                    "base_commit": place.base,
                },
                "tools": list(config.agent.tools),
                "action_format": self.format.name,
                "versions": {**recorded.versions, "patchwright": __version__},
            }
        )


def refuse_a_tree(recorded: Recorded, trajectory: Path) -> None:
    """See that an attempt is one of the loop.

    Raises:
        UsageError: A strategy spent it; the message names the trials, which can be forked.
    """
    if is_tree(recorded.events):
        found = trials(recorded.events, trajectory_file(trajectory).parent)
        names = ", ".join(str(trial.path.parent) for trial in found if trial.path) or "none of them is here"
        raise UsageError(f"{trajectory}: a strategy made trials of this attempt, and only a trial has steps: {names}")


def _brief(trajectory: Path) -> Brief:
    """What a trial was told beyond the task; nothing for an attempt that is none."""
    root = root_of(trajectory)
    for trial in trials(read_events(root), root.parent) if root is not None else ():
        if trial.name == trajectory.parent.name:
            told_then = trial.started.brief
            return Brief(lessons=tuple(told_then.get("lessons", ())), remarks=tuple(told_then.get("remarks", ())))
    return Brief()


def _refuse_what_is_there(request: ForkRequest) -> None:
    for number in range(1, request.times + 1):
        place = request.output / str(number) if request.times > 1 else request.output
        if (place / TRAJECTORY).exists():
            raise UsageError(f"--output {place}: there is a trajectory already; choose another directory")


def _format_for(config: Config, model: Model) -> ActionFormat:
    """How an attempt that is not ours yet is written."""
    chosen = config.agent.action_format
    native = "tool_calls" if model.takes_tools else "thought_action"
    return make_format(native if chosen == "auto" else chosen)


def _config(recorded: Recorded, request: ForkRequest, scratch: Path) -> Config:
    """The recorded configuration under what is given anew.

    Raises:
        UsageError: What is given is wrong, or a secret is needed that is not recorded.
    """
    # What goes on is one attempt, whatever strategy the forked one was a trial of.
    before = recorded_config(recorded.started.config, {"agent.strategy": SINGLE})
    kept = scratch / "recorded.yaml"
    kept.write_text(dump_config(before), encoding="utf-8")
    config = load_config([str(kept), *request.files], request.settings, request.flags)
    if config.agent.strategy != SINGLE:
        raise UsageError(f"agent.strategy: a fork is one attempt, so it cannot be spent by {config.agent.strategy}")
    written = recorded.started.action_format
    ours = not format_of(recorded.started)
    if ours and config.agent.action_format not in ("auto", before.agent.action_format, written):
        raise UsageError(f"agent.action_format: the shared steps are written as {written}, so the fork is too")
    for section, values in config:
        for key, value in values.model_dump(mode="json").items():
            if MASK in json.dumps(value):
                raise UsageError(f"{section}.{key} holds a secret, which is not recorded; give it again with --set")
    return config
