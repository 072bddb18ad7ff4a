"""The events of an attempt. They are the only state: prompt, budget, patch and status are computed from them.

A trajectory file holds one event a line as JSON. Readers accept every schema version up to their own: a field is never
removed or given another meaning, a new one has a default, and an event of an unknown type is kept as it is.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

#: Statuses of attempts that something else than the agent cut off: they say nothing about the task, and can be resumed.
CUT_OFF = frozenset({"model_error", "sandbox_lost", "interrupted", "run_limit"})

#: Raised whenever an old reader could misunderstand a new file.
SCHEMA_VERSION = 1


def _known_time(seconds: float) -> float:
    """The time, if it is one that a calendar has; else 0."""
    return seconds if 0 < seconds < 1e11 else 0.0


def _readable(version: int) -> int:
    """The version of a schema, if it is one that this reader knows."""
    if version > SCHEMA_VERSION:
        raise ValueError(f"a later version wrote it, in schema {version}; this reads up to {SCHEMA_VERSION}: upgrade")
    return version


Time = Annotated[float, AfterValidator(_known_time)]
SchemaVersion = Annotated[int, AfterValidator(_readable)]


class Record(BaseModel):
    """Base of everything persisted: frozen, and tolerant of fields that a later version added."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Usage(Record):
    """What one model call consumed, from the provider's own figures.

    Attributes:
        prompt_tokens: Tokens read, cached ones included.
        completion_tokens: Tokens written.
        cached_tokens: Those of the prompt that came from a cache.
        cost: US dollars; ``None`` when no price is known.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        known = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost=sum(known) if known else None,
        )


class Call(Record):
    """A tool call as a model wrote it, already parsed.

    Attributes:
        id: Identifier that its result carries; ``""`` in text formats.
        name: Name of the tool.
        arguments: Its arguments.
    """

    id: str = ""
    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class BaseEvent(Record):
    """What every event has.

    Attributes:
        seq: Position in the trajectory, from 0 without a gap.
        time: Seconds since the epoch; 0 when unknown, as is one before it or beyond any calendar.
    """

    seq: int = -1
    time: Time = 0.0


class AttemptStarted(BaseEvent):
    """The first event: what is attempted, by what, with which settings.

    Attributes:
        schema_version: Version of this file's schema; a later one than :data:`SCHEMA_VERSION` is refused.
        attempt_id: Unique name of the attempt.
        parent: Attempt and event that this one was forked from or serves, if any.
        task: The task: ``id``, ``repo``, ``base_commit``, ``problem_statement`` and where it came from.
        config: The effective configuration, secrets excluded.
        model: Name of the model.
        sandbox: Kind, image and working directory of the sandbox.
        tools: Names of the tools offered.
        action_format: How the model writes an action; ``""`` in old files.
        initial_patch: What was changed before the first step, by an earlier trial of a strategy.
        failed_patches: What earlier trials ended with and failed; edits that lead there again are taken back.
        versions: Versions of this program and of Python.
    """

    type: Literal["attempt_started"] = "attempt_started"
    schema_version: SchemaVersion = SCHEMA_VERSION
    attempt_id: str
    parent: dict[str, Any] | None = None
    task: dict[str, Any] = Field(default_factory=dict)
    config: dict[str, Any] = Field(default_factory=dict)
    model: str = ""
    sandbox: dict[str, Any] = Field(default_factory=dict)
    tools: list[str] = Field(default_factory=list)
    action_format: str = ""
    initial_patch: str = ""
    failed_patches: list[str] = Field(default_factory=list)
    versions: dict[str, str] = Field(default_factory=dict)


class Message(BaseEvent):
    """A message put before the model that is neither its own reply nor an observation.

    Attributes:
        purpose: ``system``, ``task``, ``correction`` (of a malformed action), ``nudge`` (out of a repetition) or
            ``remark``.
        code: What kind of correction, nudge or remark it is; ``user``: a person at the terminal said it.
        waited: Seconds that a person took before it; they do not count for the attempt.
    """

    type: Literal["message"] = "message"
    role: Literal["system", "user"]
    purpose: Literal["system", "task", "correction", "nudge", "remark"]
    content: str
    code: str = ""
    step: int = 0
    waited: float = 0.0


class ModelReplied(BaseEvent):
    """One reply of the model, as it came.

    Attributes:
        step: Step number, from 1.
        content: Text of the reply.
        reasoning: Reasoning that the provider returned beside the text.
        tool_calls: Native tool calls as the provider returned them: ``id``, ``name``, ``arguments`` (a JSON string).
        finish_reason: ``stop``, ``length``, ``tool_calls``, …
        logprob: Natural logarithm of the reply's probability; ``None`` unless it was asked for and given.
        model: The model that replied (a fallback may have).
        settings: Settings of this very call that differ from the configured ones, such as a raised temperature.
        duration: Seconds that the call took, waits for retries included.
        retries: Transient failures before it.
    """

    type: Literal["model_replied"] = "model_replied"
    step: int
    content: str = ""
    reasoning: str = ""
    tool_calls: list[dict[str, Any]] = Field(default_factory=list)
    finish_reason: str = "stop"
    logprob: float | None = None
    model: str = ""
    usage: Usage = Field(default_factory=Usage)
    settings: dict[str, Any] = Field(default_factory=dict)
    duration: float = 0.0
    retries: int = 0


class ActionTaken(BaseEvent):
    """A well-formed action, recorded before it is executed.

    Attributes:
        thought: The text that came with it.
        review: What a person who was asked made of it: ``confirmed``, ``changed`` (it is as they wrote it) or
            ``refused`` (it does not run); ``""`` where nobody was asked.
        waited: Seconds that a person took before it; they do not count for the attempt.
    """

    type: Literal["action"] = "action"
    step: int
    call: Call
    thought: str = ""
    review: Literal["", "confirmed", "changed", "refused"] = ""
    waited: float = 0.0


class Observed(BaseEvent):
    """What an action led to.

    Attributes:
        call_id: Identifier of the call that it answers.
        text: What the model was told.
        ok: Whether the tool did what was asked.
        code: Why not, a constant of ``aci_tools.tools.base``.
        data: The tool's facts.
        duration: Seconds that it took.
        changed: Whether it changed files.
        done: Whether the agent submitted by it.
    """

    type: Literal["observation"] = "observation"
    step: int
    call_id: str = ""
    text: str
    ok: bool = True
    code: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    duration: float = 0.0
    changed: bool = False
    done: bool = False


class PatchChanged(BaseEvent):
    """The patch after a step that edited files.

    Attributes:
        patch: The unified diff against the base commit so far.
    """

    type: Literal["patch_changed"] = "patch_changed"
    step: int
    patch: str


class Condensed(BaseEvent):
    """Old observations left the prompt because the context window was near.

    Attributes:
        seqs: The events whose text is replaced by a line that says so.
        prompt_tokens: Size of the prompt that made it necessary.
    """

    type: Literal["condensed"] = "condensed"
    seqs: list[int]
    prompt_tokens: int = 0


class Resumed(BaseEvent):
    """A later process goes on from here, in a fresh sandbox that it brought to the state of the events above.

    Attributes:
        steps: Model calls made so far; none of them was made again.
        actions: Recorded actions that were executed again.
        corrected: Whether that led to other files than the recorded patch says, which were then set right by it.
        lost: Files that could not be brought back, because what looks like a secret in them is not recorded.
        model: Name of the model that goes on.
        limits: The limits that hold from here.
        duration: Seconds that it took; they do not count for the attempt.
    """

    type: Literal["resumed"] = "resumed"
    steps: int = 0
    actions: int = 0
    corrected: bool = False
    lost: list[str] = Field(default_factory=list)
    model: str = ""
    limits: dict[str, Any] = Field(default_factory=dict)
    duration: float = 0.0


class AttemptEnded(BaseEvent):
    """The last event, unless the attempt was resumed after it; then the last one of them counts.

    A trajectory without it was interrupted by something that left no time to write it.

    Attributes:
        status: Why it ended; see ``agent.status.Status``.
        detail: One line for a user.
        patch: The unified diff, ``""`` when nothing changed.
        steps: Model calls made.
        usage: Their sum.
        duration: Seconds of the whole attempt.
    """

    type: Literal["attempt_ended"] = "attempt_ended"
    status: str
    detail: str = ""
    patch: str = ""
    steps: int = 0
    usage: Usage = Field(default_factory=Usage)
    duration: float = 0.0


class TrialStarted(BaseEvent):
    """A strategy begins a trial: an attempt of the loop with a trajectory of its own.

    Attributes:
        name: Path of the trial in the tree, such as ``2.1``.
        trajectory: Its file, relative to this one's directory.
        limits: What it may use.
        first_call: Model calls that were made before it.
        brief: What it was given beyond the task: lessons, remarks, seed, temperature, initial patch.
    """

    type: Literal["trial_started"] = "trial_started"
    name: str
    trajectory: str
    limits: dict[str, Any] = Field(default_factory=dict)
    first_call: int = 0
    brief: dict[str, Any] = Field(default_factory=dict)


class TrialEnded(BaseEvent):
    """How a trial ended.

    Attributes:
        name: The trial.
        status, detail, patch, steps, usage, duration: As of :class:`AttemptEnded`.
        waited: Seconds of it that a person took, in the process that wrote this; they are not in the duration.
    """

    type: Literal["trial_ended"] = "trial_ended"
    name: str
    status: str
    detail: str = ""
    patch: str = ""
    steps: int = 0
    usage: Usage = Field(default_factory=Usage)
    duration: float = 0.0
    waited: float = 0.0


class SubagentReplied(BaseEvent):
    """One call of a sub-agent that uses no tools: a reflection, the design of a test, a verdict on a candidate.

    Attributes:
        key: What tells the call from the others of the attempt.
        purpose: What it was for.
        messages: What it was asked.
        content: Its answer.
        finish_reason: ``stop``, ``length``, …; ``overflow`` when the question did not fit.
        logprob: Natural logarithm of the probability of the answer; ``None`` where the provider does not give it.
        settings: Settings of this very call that differ from the configured ones.
        duration: Seconds.
    """

    type: Literal["subagent_replied"] = "subagent_replied"
    key: str
    purpose: str = ""
    messages: list[dict[str, Any]] = Field(default_factory=list)
    content: str = ""
    finish_reason: str = "stop"
    logprob: float | None = None
    model: str = ""
    usage: Usage = Field(default_factory=Usage)
    settings: dict[str, Any] = Field(default_factory=dict)
    duration: float = 0.0
    retries: int = 0


class Evaluated(BaseEvent):
    """What plain code found about a candidate's patch, without the hidden tests.

    Attributes:
        key: The candidate.
        checks: Kind, name, outcome and message of each check.
        passed: Whether all are as they should be; ``None`` when nothing could be checked.
        text: What a model is told of it.
        duration: Seconds.
    """

    type: Literal["evaluated"] = "evaluated"
    key: str
    checks: list[dict[str, Any]] = Field(default_factory=list)
    passed: bool | None = None
    text: str = ""
    duration: float = 0.0


class Noted(BaseEvent):
    """What a strategy found out or decided: designed tests and why some were dropped, a choice and its reason.

    Attributes:
        key: What tells it from the others of the attempt.
        data: The facts.
    """

    type: Literal["noted"] = "noted"
    key: str
    data: dict[str, Any] = Field(default_factory=dict)


class UnknownEvent(BaseEvent):
    """An event of a type that a later version introduced; all its fields are kept."""

    type: str


Known = Annotated[
    AttemptStarted
    | Message
    | ModelReplied
    | ActionTaken
    | Observed
    | PatchChanged
    | Condensed
    | Resumed
    | AttemptEnded
    | TrialStarted
    | TrialEnded
    | SubagentReplied
    | Evaluated
    | Noted,
    Field(discriminator="type"),
]
Event = (
    AttemptStarted
    | Message
    | ModelReplied
    | ActionTaken
    | Observed
    | PatchChanged
    | Condensed
    | Resumed
    | AttemptEnded
    | TrialStarted
    | TrialEnded
    | SubagentReplied
    | Evaluated
    | Noted
    | UnknownEvent
)

KNOWN_TYPES = frozenset(
    (
        "attempt_started",
        "message",
        "model_replied",
        "action",
        "observation",
        "patch_changed",
        "condensed",
        "resumed",
        "attempt_ended",
        "trial_started",
        "trial_ended",
        "subagent_replied",
        "evaluated",
        "noted",
    )
)
_known: TypeAdapter[Any] = TypeAdapter(Known)


def parse_event(data: dict[str, Any]) -> Event:
    """An event from its JSON object.

    Raises:
        pydantic.ValidationError: A field of a known event is missing or of the wrong type.
    """
    kind = data.get("type")
    if isinstance(kind, str) and kind in KNOWN_TYPES:
        event: Event = _known.validate_python(data)
        return event
    return UnknownEvent.model_validate(data)
