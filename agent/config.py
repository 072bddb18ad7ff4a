"""Configuration: a profile, under YAML files, under ``--set``, under flags. Every field says what it means.

The schema below is the only list of settings; ``agent config show`` prints it filled in, in a form that ``--config``
accepts back. Environment variables hold secrets only, never settings.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, field_validator

from aci_tools.variables import check_variables

Share = Annotated[float, Field(gt=0, le=1)]
Cost = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """Base of every section: frozen, unknown keys refused, documented by the strings under its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Price(Section):
    """What a model costs, in US dollars per million tokens, where the built-in table does not know it."""

    input: Cost
    """Tokens read."""
    output: Cost
    """Tokens written."""
    cached_input: Cost | None = None
    """Tokens read from the provider's cache; default: as `input`."""


class ModelConfig(Section):
    """Which language model, and how it is asked."""

    name: str = "local/qwen2.5-coder-1.5b"
    """`local/NAME` (embedded), `scripted:FILE` (replies from a file), else a litellm model name."""
    fallbacks: list[str] = []
    """Models tried in order when this one fails for a transient reason to the end of its retries."""
    api_base: str | None = None
    """Address of an OpenAI-compatible server; the model's name is then passed to it as it is."""
    temperature: float = Field(0.0, ge=0, le=2)
    """Sampling temperature."""
    top_p: float | None = Field(None, gt=0, le=1)
    """Nucleus sampling; unset: the provider's default."""
    seed: int | None = None
    """Seed of the sampling, where the provider takes one."""
    max_tokens: PositiveInt = 4096
    """Most tokens of one reply."""
    context_window: PositiveInt | None = None
    """Tokens that prompt and reply may have together; unset: what is known of the model."""
    llama_server: str | None = None
    """Path of a llama.cpp server, such as one for a GPU, to run the embedded model; unset: that of extra `local`."""
    parallel: PositiveInt = 1
    """Calls that the embedded model answers at once; each has a context window of its own."""
    timeout: PositiveFloat = 600.0
    """Seconds for one call."""
    retries: int = Field(8, ge=0)
    """Tries after a transient failure; the waits between them grow to a minute and obey Retry-After."""
    price: Price | None = None
    """Prices, where the built-in table does not know them."""
    tool_calls: bool | None = None
    """Whether the model takes native tool calls; unset: what is known of the model."""
    grammar: Literal["llama.cpp", "vllm"] | None = None
    """The kind of server that constrains output by a grammar; unset: it does not. The embedded model's does."""
    logprobs: bool = False
    """Whether the probability of every reply is asked for and recorded; `best-of-n` weighs candidates by it."""
    extra: dict[str, Any] = {}
    """Further arguments for the provider, passed through litellm."""


class AgentConfig(Section):
    """How the agent works."""

    strategy: str = "single"
    """How attempts are spent on a task: names joined by `+`, the outermost first, such as `best-of-n+reflexion`."""
    action_format: Literal["auto", "tool_calls", "thought_action", "xml", "code_block", "line_or_block"] = "auto"
    """How the model writes an action; `auto`: native tool calls where the model has them, else fenced text."""
    tools: Annotated[list[str], Field(min_length=1)] = [
        "open", "goto", "scroll_up", "scroll_down", "find_file", "search_dir", "search_file",
        "edit", "replace", "insert", "create", "undo", "bash", "run_tests", "submit",
    ]  # fmt: skip
    """The tools offered, by name; `agent tools` lists all."""
    system_prompt: str = "default"
    """Name of a shipped system prompt, or the path of a file."""
    task_prompt: str = "default"
    """Name of a shipped first message, or the path of a file."""
    relevant_code: int = Field(0, ge=0)
    """Functions shown with the task, those that best match its words (BM25); 0: none."""
    whole_files: int = Field(0, ge=0)
    """Lines up to which the file of such a function is shown whole."""
    reached_lines: bool = False
    """Whether a line that an action format binds to the code shown must be one that runs when an example goes wrong."""
    constrain: bool = True
    """Whether the output is constrained to well-formed actions where the server can do it."""
    after_repeat_temperature: float = Field(0.8, ge=0, le=2)
    """Temperature of the call that follows a repeated action."""
    bar_repeated: bool = False
    """Whether the grammar of that call has the other tools only, if one of them edits."""
    after_failure_temperature: float | None = Field(None, ge=0, le=2)
    """Temperature of the call that follows an action that failed; unset: the usual one."""


class StrategyConfig(Section):
    """What the strategies do, where `agent.strategy` names them."""

    first_share: float | None = Field(None, gt=0, le=1)
    """Share of the budget that the first trial may use; 1: others get what it leaves. Unset: all get the same."""
    candidates: PositiveInt = 4
    """Candidates of `best-of-n`."""
    candidate_temperature: float = Field(0.8, ge=0, le=2)
    """Sampling temperature of every candidate but the first."""
    stop_early: bool = True
    """Whether `best-of-n` ends at the first candidate of which something could be checked, and all of it is right."""
    generated_inputs: int = Field(20, ge=0)
    """Calls made from the known examples, by whose results candidates are told apart; 0: none."""
    verifier: Literal["checks", "model"] = "checks"
    """What says how probable equally good candidates are: the share of checks passed, or a call of the model each."""
    variants: list[dict[str, Any]] = []
    """Settings by dotted key that the candidates of `best-of-n` get in turn, such as another dialect of edits."""
    trials: PositiveInt = 3
    """Trials of `reflexion`."""
    reflections: int = Field(3, ge=1, le=3)
    """Latest reflections that enter the next trial's prompt."""
    show_change: bool = True
    """Whether the next trial of `reflexion` also sees the latest failed change and what checking it found."""
    rounds: PositiveInt = 3
    """Repairs of `repair-loop`, after its first trial; tries of `programmer-tester`."""
    repair_from: Literal["change", "base"] = "change"
    """Whether a repair goes on from the best change so far or begins anew on the base commit."""
    memory: str | None = None
    """File with reflections of earlier tasks; unset: nothing is kept between tasks."""
    evaluators: list[Literal["examples", "regression"]] = ["examples", "regression"]
    """What judges a candidate: the issue's own examples, the project's tests that its patch touches."""
    designed_tests: PositiveInt = 6
    """Tests that `programmer-tester` asks for."""
    design_rounds: PositiveInt = 2
    """How often they are asked for, until one fails before any fix."""
    confirm_tests: bool = True
    """Whether a designed test that fails before any fix counts only if a second answer of the model agrees with it."""
    show_tests: Literal["never", "after_failure", "always"] = "after_failure"
    """When the designed tests are shown to the programmer."""


class LimitsConfig(Section):
    """When an attempt ends, whatever the model thinks. The patch so far is always kept."""

    steps: PositiveInt = 100
    """Model calls."""
    tokens: PositiveInt | None = None
    """Tokens read and written, over all calls, those read from a cache not counted."""
    cost: PositiveFloat | None = 3.0
    """US dollars; cannot hold where the price is unknown, then `tokens` and `steps` do."""
    time: PositiveFloat | None = 7200.0
    """Seconds."""
    format_errors: PositiveInt = 4
    """Malformed actions in a row."""
    repeats: PositiveInt = 4
    """Repeated actions in a row that changed nothing."""


class ContextConfig(Section):
    """What happens when the prompt nears the model's window."""

    condense_at: Share = 0.8
    """Share of the window at which old observations are condensed."""
    keep_last: PositiveInt = 6
    """Latest observations that are never condensed."""
    drop_failed: bool = False
    """Whether a malformed action or a refused edit leaves the prompt and becomes a line in a list of tries."""


class SandboxConfig(Section):
    """The computer on which commands run."""

    kind: Literal["auto", "docker", "namespace", "local"] = "auto"
    """`auto`: the best of docker and namespace that this machine has; `local` has no isolation."""
    image: str | None = None
    """Container image; needs `sh` and `git`, and what the tests need."""
    detect: bool = True
    """Whether what a repository needs is found out and installed where no image is named (docker only)."""
    workdir: str = "/testbed"
    """Where the repository stands in the sandbox."""
    env: dict[str, str] = {}
    """Variables of every command. Not for secrets: the agent can read them."""
    startup: str = ""
    """Shell lines run before the first command, such as `source activate testbed`."""
    read_only: list[str] = []
    """Host directories shown read-only at the same path (namespace only)."""
    network: bool = False
    """Whether commands reach the network, all of it."""
    allow_hosts: list[str] = []
    """Hosts that commands reach by HTTP and HTTPS without `network`: `name`, `*.name`, `name:port`."""
    gate_image: str | None = None
    """Container image with python3 that prepares the way to them (docker only); unset: the sandbox's own."""
    memory: PositiveInt | None = 4096
    """MiB for all processes."""
    cpus: PositiveFloat | None = None
    """Cores."""
    pids: PositiveInt | None = 512
    """Processes."""
    disk: PositiveInt | None = 4096
    """MiB written."""
    lifetime: PositiveFloat = 6 * 3600.0
    """Seconds after which the sandbox ends by itself."""

    @field_validator("env")
    @classmethod
    def _variables(cls, given: dict[str, str]) -> dict[str, str]:
        check_variables(given)
        return given

    @field_validator("workdir")
    @classmethod
    def _absolute(cls, given: str) -> str:
        if not given.startswith("/"):
            raise ValueError(f"{given!r} is no absolute path, such as /testbed")
        return given


class AciConfig(Section):
    """The agent-computer interface."""

    guard: bool = True
    """Whether an edit that introduces an error is refused."""
    fit_indentation: bool = True
    """Whether edited lines that would be refused are indented to fit the file, where that is all they lack."""
    window: PositiveInt = 100
    """Lines that the viewer shows."""
    max_results: PositiveInt = 50
    """Search results shown before a narrower term is asked for."""
    command_timeout: PositiveFloat = 120.0
    """Seconds for a command."""
    test_timeout: PositiveFloat = 600.0
    """Seconds for the tests."""
    test_command: str | None = None
    """Command that runs the tests; unset: found out from the repository."""
    test_delta: bool = True
    """Whether `run_tests` says what changed compared with before any edit; that may take a second run of the tests."""
    max_output: PositiveInt = 10_000
    """Characters of a command's output that the model sees."""
    review_submit: bool = True
    """Whether `submit` shows the patch once for review."""
    test_after_edit: bool = False
    """Whether an edit's observation ends with the outcome of the tests."""
    take_back: bool = False
    """Whether an edit is taken back when the issue's examples or the tests speak against it."""
    submit_when_solved: bool = False
    """Whether an edit submits by itself when nothing speaks against it and something is newly right or unchecked."""
    examples_after_edit: bool = True
    """Whether an edit's observation ends with what the issue's own ``>>>`` examples give now."""
    documented_examples: bool = False
    """Whether the examples in the documentation of the function that the issue is about count among them."""


class PolicyConfig(Section):
    """Which shell commands run: patterns such as `git push` or `rm -rf`; of those that fit, the longest decides."""

    allow: list[str] = []
    """Commands that run without a question."""
    ask: list[str] = []
    """Commands that `--confirm risky` asks about."""
    deny: list[str] = []
    """Commands that do not run; the agent is told so."""
    shipped: bool = True
    """Whether the shipped patterns count where none of these fits."""
    unattended: Literal["run", "refuse"] = "run"
    """What becomes of commands to be asked about where nobody confirms."""

    @field_validator("allow", "ask", "deny")
    @classmethod
    def _patterns(cls, given: list[str]) -> list[str]:
        from aci_tools.policy import Rule, Verdict

        for pattern in given:
            Rule(pattern, Verdict.OPEN)
        return given


class TasksConfig(Section):
    """Where the repositories and images of a data set's tasks come from."""

    repositories: str | None = None
    """A directory with repositories, found in it by `owner/name`, `owner__name`, `owner+name` or `name`."""
    base_image: str | None = None
    """Container image that environments are built on; unset: the default one."""
    cache: str | None = None
    """Where clones, logs and directories are kept; unset: the user's cache directory."""
    disk_budget: PositiveFloat | None = None
    """GiB that images and directories of tasks may take up; the least recently used go first."""
    build_timeout: PositiveFloat = 3600.0
    """Seconds that the install commands of a task may take."""
    split: bool = False
    """Whether the tests of one evaluation may run in several containers, a test file in each, while cores are free;
    only of tasks whose known solution was seen to get the same outcomes so (see docs/performance.md)."""


class ImagesConfig(Section):
    """Where images that tasks run in are shared between machines."""

    registry: str | None = None
    """Registry, or part of one, such as `registry.example.org/team`: images are pulled, not built, if there."""
    store: str | None = None
    """URL of any kind that fsspec knows, such as `s3://bucket/images`: the same without a registry (extra `remote`)."""
    push: bool = False
    """Whether images that are built here are sent to both."""


class TelemetryConfig(Section):
    """What OpenTelemetry is told (extra `telemetry`); where to, OTEL_EXPORTER_OTLP_ENDPOINT and its like say."""

    enabled: bool | None = None
    """Whether traces and metrics are sent; unset: where OTEL_EXPORTER_OTLP_ENDPOINT is set."""
    content: bool = False
    """Whether spans hold what was said and done: messages, arguments and results of tools."""
    trace: Literal["run", "task"] = "run"
    """What is one trace: a run, or each of its tasks, which large runs need for a viewer to bear them."""


class Config(Section):
    """Everything that can be set."""

    model: ModelConfig = ModelConfig()
    agent: AgentConfig = AgentConfig()
    strategy: StrategyConfig = StrategyConfig()
    limits: LimitsConfig = LimitsConfig()
    context: ContextConfig = ContextConfig()
    sandbox: SandboxConfig = SandboxConfig()
    aci: AciConfig = AciConfig()
    policy: PolicyConfig = PolicyConfig()
    tasks: TasksConfig = TasksConfig()
    images: ImagesConfig = ImagesConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
