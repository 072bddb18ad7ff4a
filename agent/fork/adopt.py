"""Another agent's attempt, up to a step, as one of ours: its actions executed by our tools, told in our words.

The conversation opens with our prompts. Each step is its thought, its actions as calls of our tools and what that agent
was shown of them; the patch after each edit is that of our sandbox, so that the outcome can be rebuilt like any other.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from aci_tools.errors import UsageError
from aci_tools.tools import TOOLS, toolset
from aci_tools.tools.calls import CallError, build
from agent.batch.places import Place
from agent.config import Config
from agent.fork.request import ForkRequest
from agent.fork.write import reply_of
from agent.formats import ActionFormat
from agent.progress import Voice
from agent.reopen import Reopening
from agent.replay.entries import Entry
from agent.replay.foreign import ForeignPlayer, format_of
from agent.replay.origin import playing
from agent.replay.player import Result
from agent.resume import Recorded
from trajectories.events import ActionTaken, AttemptStarted, Call, Event, Message, ModelReplied, Observed, PatchChanged
from trajectories.exchange.commands import render_command
from trajectories.exchange.turns import Turn, turns
from trajectories.forks import shared_events
from trajectories.redact import Redactor

_ALL = list(TOOLS.values())
#: Where the issue is in the first message of other agents.
_ISSUES = (
    re.compile(r"\nISSUE:\n(.+?)\n\s*INSTRUCTIONS:\n", re.DOTALL),
    re.compile(
        r"<(pr_description|issue_description|uploaded_issue|issue)>\s*"
        r"(?:Consider the following PR description:\s*)?(?P<issue>.+?)\s*</\1>",
        re.DOTALL,
    ),
)
_NO_OUTPUT = "(no output)"


@dataclass(frozen=True)
class Adopted:
    """An attempt of ours that was made of another agent's.

    Attributes:
        recorded: Its events up to the step.
        step: The number that the last of them has now: steps without an action that was done are left out, and one of
            several actions becomes several where a reply holds one.
    """

    recorded: Recorded
    step: int


def check(recorded: Recorded, request: ForkRequest) -> None:
    """See that what is asked can be done with another agent's attempt, before anything is executed.

    Raises:
        UsageError: It cannot.
    """
    if request.reply is not None:
        raise UsageError("--edit: an imported reply is written anew; name another action with --replace-action")
    changes = request.action is not None or request.observation is not None
    if changes and not any(_answered(turn) for turn in turns(recorded.events) if _number(turn) == request.step):
        raise UsageError(f"--at {request.step}: nothing came of the actions of this step, so none can be replaced")


def with_issue(recorded: Recorded) -> Recorded:
    """The attempt with the issue alone as its problem statement, where that is the whole first message."""
    task = recorded.started.task
    started = recorded.started.model_copy(update={"task": {**task, "problem_statement": issue_of(_statement(task))}})
    return Recorded(started, recorded.ended, [started, *recorded.events[1:]])


def issue_of(message: str) -> str:
    """The issue in the first message of an agent whose template is known; else the message."""
    for pattern in _ISSUES:
        if found := pattern.search(message):
            return (found.groupdict().get("issue") or found[1]).strip()
    return message.strip()


def adopt(recorded: Recorded, step: int, reopening: Reopening, format: ActionFormat, voice: Voice) -> Adopted:
    """Execute the actions up to a step in a fresh sandbox, and write what happened as an attempt of ours.

    Args:
        recorded: The imported attempt.
        step: The last step that is wanted.
        reopening: Opens its computer, and has the settings of the attempt that it becomes.
        format: How its actions are to be written.
        voice: Told what is waited for, and what could not be done.

    Raises:
        UsageError: There is no issue statement, or no such step.
        InfrastructureError: The sandbox cannot be had, or was lost.
    """
    from agent.attempt import open_session, opening_messages

    if not reopening.task.problem_statement.strip():
        raise UsageError("no issue is recorded with this attempt: name the data set that has its task with --tasks")
    config = reopening.config
    shared = turns(shared_events(recorded.events, step))
    with contextlib.closing(reopening.open()) as place:
        session = open_session(playing(config), place.sandbox, place.task, place.base)
        opening = opening_messages(config, place.task, session, format, toolset(config.agent.tools))
        root = str(recorded.started.sandbox.get("workdir") or "")
        player = ForeignPlayer(session, _ALL, Redactor.from_environment(), root)
        player.format = format_of(recorded.started)
        writing = _Writing(player, format, [_started(recorded, place, config, format), *opening])
        for turn in shared:
            if _number(turn):
                voice.doing(f"executing step {_number(turn)} of {step}")
                writing.add(turn)
    for note in writing.notes():
        voice.say(note, "yellow")
    events = _timed(writing.events)
    started = events[0]
    assert isinstance(started, AttemptStarted)
    return Adopted(Recorded(started, None, events), writing.step)


@dataclass
class _Writing:
    """Events of ours in the making."""

    player: ForeignPlayer
    format: ActionFormat
    events: list[Event]
    step: int = 0
    _patch: str = ""
    _results: list[Result] = field(default_factory=list)

    def add(self, turn: Turn) -> None:
        """Go on by one step."""
        reply = turn.reply
        assert reply is not None
        done = [self._done(action, observed) for action, observed in _answered(turn)]
        said = [message for message in turn.messages if message.purpose == "remark" and message.role == "user"]
        if not done and not said:
            return  # a malformed action, or one that nothing came of
        groups = [done] if self.format.name == "tool_calls" or not done else [[one] for one in done]
        for number, group in enumerate(groups):
            self.step += 1
            thought = next((self._here(action.thought) for action, _, _ in group if action.thought), "")
            if not done:
                thought = self._here(reply.content)
            calls = [action.call for action, _, _ in group]
            own = _plain(reply) if number == 0 else ModelReplied(step=0, model=reply.model, time=reply.time)
            self.events.append(self._numbered(reply_of(own, thought, calls, self.format, _ALL)))
            for action, observed, patch in group:
                self.events += [self._numbered(action), self._numbered(observed)]
                if patch is not None:
                    self.events.append(PatchChanged(step=self.step, patch=patch, time=observed.time))
        for message in said:
            content = self._here(message.content)
            said_here = Message(role="user", purpose="remark", content=content, step=self.step, time=message.time)
            self.events.append(said_here)

    def notes(self) -> list[str]:
        """What a user should know of the execution."""
        missing = [result for result in self._results if result.kind == "not_run"]
        differing = [result for result in self._results if result.kind == "different"]
        found = []
        for results, what in ((missing, "could not be executed"), (differing, "came out differently")):
            if results:
                first = f"step {results[0].entry.step}: {results[0].reason}"
                found.append(f"{len(results)} of {len(self._results)} imported actions {what} ({first})")
        return found

    def _done(self, action: ActionTaken, observed: Observed) -> tuple[ActionTaken, Observed, str | None]:
        """An action and what came of it as ours, and the patch after it if that must be known."""
        session = self.player.session
        began_in = session.cwd
        result = self.player.play(Entry(len(self._results) + 1, action, observed))
        self._results.append(result)
        call = self._call(action.call, began_in, f"call_{len(self._results)}")
        # What was done differently here is set right by the patch when the fork is rebuilt.
        telling = result.changed or (result.kind == "different" and call.name != "bash")
        patch = session.latest_patch() if telling else self._patch
        changed, self._patch = patch != self._patch, patch
        taken = ActionTaken(step=action.step, call=call, thought=self._here(action.thought), time=action.time)
        seen = Observed(
            step=observed.step,
            call_id=call.id,
            text=self._here(observed.text) if observed.text.strip() else _NO_OUTPUT,
            ok=observed.ok,
            code=observed.code,
            data=observed.data,
            duration=observed.duration,
            changed=changed,
            time=observed.time,
        )
        return taken, seen, patch if telling else None

    def _call(self, recorded: Call, began_in: str, id: str) -> Call:
        """An action as the model is shown it, and as it is executed again."""
        session, given = self.player.session, self.player.given
        if self.format.name != "tool_calls":
            id = ""
        call = given or self.player.moved(recorded)
        arguments = {key: value for key, value in call.arguments.items() if value is not None}
        for key in ("path", "dir"):
            if isinstance(value := arguments.get(key), str) and PurePosixPath(value).is_relative_to(session.root):
                arguments[key] = str(PurePosixPath(value).relative_to(session.root))
        if given is None and not _fits(call):
            # The shell's command that does nothing: none of our tools can do it.
            shown = Call(name=shlex.quote(call.name), arguments=call.arguments)
            return Call(id=id, name="bash", arguments={"command": f": {render_command(shown)}"})
        if call.name == "bash" and self.player.starts_at_root and began_in != session.root:
            arguments["command"] = f"cd {shlex.quote(session.root)}\n{arguments['command']}"
        return Call(id=id, name=call.name, arguments=arguments)

    def _here(self, text: str) -> str:
        """A text with the repository's directory as it is called now."""
        return self.player.moved_text(text)

    def _numbered(self, event: Event) -> Event:
        return event.model_copy(update={"step": self.step})


def _answered(turn: Turn) -> list[tuple[ActionTaken, Observed]]:
    """The actions of a step that something came of; a submission that ends a run is none."""
    return [(action, observed) for action, observed in turn.pairs() if observed is not None]


def _number(turn: Turn) -> int:
    return turn.reply.step if turn.reply else 0


def _statement(task: dict[str, object]) -> str:
    return str(task.get("problem_statement") or "")


def _fits(call: Call) -> bool:
    try:
        build(call.name, call.arguments, _ALL)
    except CallError:
        return False
    return True


def _plain(reply: ModelReplied) -> ModelReplied:
    """A reply without what was kept of the other format."""
    return ModelReplied.model_validate({name: getattr(reply, name) for name in ModelReplied.model_fields})


def _started(recorded: Recorded, place: Place, config: Config, format: ActionFormat) -> AttemptStarted:
    started, sandbox = recorded.started, place.sandbox
    return AttemptStarted(
        attempt_id=started.attempt_id,
        task={**started.task, **place.task.public()},
        config=config.model_dump(mode="json"),
        model=started.model,
        sandbox={
            "kind": sandbox.kind,
            "image": sandbox.spec.image,
            "workdir": sandbox.workdir,
            "base_commit": place.base,
        },
        tools=list(config.agent.tools),
        action_format=format.name,
        versions=started.versions,
        time=started.time,
    )


def _timed(events: Sequence[Event]) -> list[Event]:
    """In order, and with the times of the record; where it has none, nothing took any."""
    latest = next((event.time for event in events if event.time), time.time())
    made: list[Event] = []
    for seq, event in enumerate(events):
        latest = event.time or latest
        made.append(event.model_copy(update={"seq": seq, "time": latest}))
    return made
