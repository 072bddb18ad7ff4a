"""The arms of strategies.py: everything that is given a task, and how. A new arm is one entry of :data:`METHODS`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from strategies_visible import with_tests, without_tests, write_row

from tasks.datasets import diffs
from tasks.images import Computers
from tasks.task import Task

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


@dataclass(frozen=True)
class Limits:
    """What every arm gets, the same for all.

    Attributes:
        steps: Model calls on a task.
        tokens: Tokens read and written on a task, those read from the prompt cache not counted.
        reply: Tokens of one reply.
        seconds: Time on a task.
        temperature: Of the sampling, where an arm loops; the one reply is greedy.
        seed: Of the sampling.
    """

    steps: int = 12
    tokens: int = 60_000
    reply: int = 1200
    seconds: int = 3600
    temperature: float = 0.2
    seed: int = 1


@dataclass(frozen=True)
class Stage:
    """What an arm works with.

    Attributes:
        address: Of the OpenAI-compatible server, ending with ``/v1``.
        key: That its requests carry.
        model: Name of the model there.
        window: Tokens of context.
        image: Base image of every sandbox.
        computers: Makes the sandbox image of a task.
        rows: Files of task rows by the name of their set.
        limits: Limits of an attempt.
    """

    address: str
    key: str
    model: str
    window: int
    image: str
    computers: Computers
    rows: dict[str, Path]
    limits: Limits


@dataclass(frozen=True)
class Outcome:
    """What an arm did on a task.

    Attributes:
        patch: The unified diff.
        status: How it ended, in the arm's own words.
        steps: Model calls.
        prompt_tokens: Tokens read, those from the cache included.
        cached_tokens: Of them, read from the cache.
        completion_tokens: Tokens written.
        seconds: Time, without making images and grading.
    """

    patch: str
    status: str
    steps: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float


class Arm(Protocol):
    """Something that solves tasks."""

    def attempt(self, task: Task, place: Path, stage: Stage) -> Outcome:
        """Solve a task; keep what happened in the directory ``place``, which may hold what a killed run left."""


@dataclass(frozen=True)
class OneReply:
    """No agent: one chat message with the statement and the file, one greedy reply with the whole corrected file."""

    def attempt(self, task: Task, place: Path, stage: Stage) -> Outcome:
        import httpx2

        path = next(path for path in task.files if f"`{path}`" in task.problem_statement)
        question = (
            f"{task.problem_statement}\nThis is `{path}`:\n\n```python\n{task.files[path]}```\n\n"
            "Reply with the whole corrected file in one code block."
        )
        messages = [
            {"role": "system", "content": "You fix bugs in Python code."},
            {"role": "user", "content": question},
        ]
        began = time.monotonic()
        response = httpx2.post(
            f"{stage.address}/chat/completions",
            headers={"Authorization": f"Bearer {stage.key}"},
            json={"messages": messages, "temperature": 0, "max_tokens": stage.limits.reply},
            timeout=stage.limits.seconds,
        ).raise_for_status()
        seconds = time.monotonic() - began
        answer = response.json()
        place.mkdir(parents=True, exist_ok=True)
        (place / "chat.json").write_text(json.dumps({"messages": messages, "response": answer}, indent=1) + "\n")
        choice, usage = answer["choices"][0], answer["usage"]
        code = longest_block(choice["message"]["content"])
        return Outcome(
            patch=diffs.changed(path, task.files[path], f"{code.strip()}\n") if code.strip() else "",
            status=choice["finish_reason"],
            steps=1,
            prompt_tokens=usage["prompt_tokens"],
            cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
            completion_tokens=usage["completion_tokens"],
            seconds=seconds,
        )


def longest_block(reply: str) -> str:
    """The longest fenced code block of a reply, one that was cut off included; ``""`` when there is none."""
    blocks: list[str] = re.findall(r"^```[^\n]*\n(.*?)(?:^```|\Z)", reply, re.DOTALL | re.MULTILINE)
    return max(blocks, key=len, default="")


@dataclass(frozen=True)
class MiniSweAgent:
    """mini-swe-agent with a configuration of its own, in a container of the image that ours get.

    What stands in its working tree at the end is its patch, whether it submitted or met a limit.

    Attributes:
        config: Name of a configuration that it ships.
        model_class: Its class for the model: ``litellm`` (tool calls) or ``litellm_textbased``.
    """

    config: str
    model_class: str

    def attempt(self, task: Task, place: Path, stage: Stage) -> Outcome:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        ready = stage.computers.ready(task)
        try:
            request = {
                "config": self.config,
                "model_class": self.model_class,
                "task": task.problem_statement,
                "image": ready.spec.image,
                "workdir": ready.spec.workdir,
                "repository": str(ready.spec.repository or ""),
                "env": dict(ready.spec.env),
                "base": ready.base_commit,
                "address": stage.address,
                "key": stage.key,
                "model": stage.model,
                "limits": asdict(stage.limits),
                "trajectory": str(place / "trajectory.traj.json"),
            }
            with (place / "log.txt").open("w") as log:
                done = subprocess.run(
                    [peers_python(), HERE / "peers" / "mini_swe_agent_strategies.py"],
                    input=json.dumps(request),
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    check=True,
                )
        finally:
            stage.computers.release(ready)
        return Outcome(**json.loads(done.stdout.splitlines()[-1]))


@dataclass(frozen=True)
class Ours:
    """``agent batch`` on the one task, with the profile for small models and some settings over it.

    Attributes:
        settings: As ``--set`` takes them.
        tests: Whether the project has tests that the agent may run.
    """

    settings: Sequence[str] = field(default=())
    tests: bool = False

    def attempt(self, task: Task, place: Path, stage: Stage) -> Outcome:
        limits = stage.limits
        begun = place / "run.json"
        if begun.exists() and stage.address not in begun.read_text("utf-8"):
            shutil.rmtree(place)  # a run is not gone on with at another address
        shared = {
            "model.name": stage.model,
            "model.api_base": stage.address,
            "model.grammar": "llama.cpp",
            "model.context_window": stage.window,
            "model.max_tokens": limits.reply,
            "model.temperature": limits.temperature,
            "model.seed": limits.seed,
            "limits.steps": limits.steps,
            "limits.tokens": limits.tokens,
            "limits.time": limits.seconds,
        }
        settings = [*(f"{key}={value}" for key, value in shared.items()), *self.settings]
        rows = stage.rows[task.set]
        if self.tests:
            rows = write_row(with_tests(task), place.with_name(f"{task.id}.row.jsonl"))
        command = [sys.executable, "-m", "agent", "batch", "--json", "--tasks", str(rows)]
        command += ["--filter", f"^{re.escape(task.id)}$", "--output", str(place), "--workers", "1", "--no-evaluate"]
        command += ["--sandbox", "docker", "--base-image", stage.image, "--config", "local-small"]
        command += [part for setting in settings for part in ("--set", setting)]
        command += ["--resume"] if begun.exists() else []
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PATCHWRIGHT_API_KEY": stage.key}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"agent batch ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        (row,) = json.loads(done.stdout)["attempts"]
        patch = json.loads((place / "preds.json").read_text("utf-8"))[task.id]["model_patch"]
        usage: dict[str, Any] = row["usage"]
        return Outcome(
            patch=without_tests(patch, task) if self.tests else patch,
            status=row["status"],
            steps=row["steps"],
            prompt_tokens=usage["prompt_tokens"],
            cached_tokens=usage["cached_tokens"],
            completion_tokens=usage["completion_tokens"],
            seconds=row["seconds"],
        )


def peers_python() -> Path:
    """The Python of the peers' virtual environment; made on first use."""
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "patchwright" / "peer-strategies"
    python = place / "bin" / "python"
    if not (place / ".installed").exists():
        venv.create(place, with_pip=True, clear=True)
        requirements = HERE / "peers" / "requirements-strategies.txt"
        install = [str(python), "-m", "pip", "install", "--quiet", "--quiet", "-r", str(requirements)]
        subprocess.run(install, check=True)
        (place / ".installed").touch()
    return python


def dotted(settings: dict[str, object]) -> dict[str, object]:
    """Settings by the names that `--set` takes."""
    return {name.replace("__", "."): value for name, value in settings.items()}


def ours(strategy: str = "single", **settings: object) -> Ours:
    """An arm of ours.

    Args:
        strategy: An expression as ``--strategy`` takes it.
        settings: Settings over the profile for small models, by their names with ``__`` for the dot.
    """
    changed = tuple(f"{name}={json.dumps(value)}" for name, value in dotted(settings).items())
    return Ours((f"agent.strategy={strategy}", *changed))


#: Commands in a reply with a thought, of which one rewrites a function by its name.
FUNCTIONS: dict[str, object] = {
    "agent__action_format": "thought_action",
    "agent__tools": ["rewrite_function", "submit"],
    "agent__system_prompt": "small",
    "agent__task_prompt": "small",
    "agent__whole_files": 0,
    "agent__reached_lines": False,
}
#: A bare block of code, as a chat gives it.
BLOCKS: dict[str, object] = {
    "agent__action_format": "code_block",
    "agent__tools": ["rewrite", "submit"],
    "agent__task_prompt": "code",
}

#: The prompts for models of any size, which name no dialect.
UNTOLD: dict[str, object] = {"agent__system_prompt": "default", "agent__task_prompt": "default"}

#: An edit ends with itself: nothing is run after it, nothing taken back or submitted for the model.
UNCHECKED: dict[str, object] = {
    "aci__examples_after_edit": False,
    "aci__test_after_edit": False,
    "aci__take_back": False,
    "aci__submit_when_solved": False,
}


def commands(*tools: str, **settings: object) -> Ours:
    """``single`` with commands in a reply with a thought.

    Args:
        tools: Their names; ``submit`` is always there.
        settings: As those of :func:`ours`.
    """
    return ours(**{**FUNCTIONS, "agent__tools": [*tools, "submit"], **settings})


def window(lines: int) -> Ours:
    """``single`` that is shown no code, but has to open the file, and rewrites functions.

    Args:
        lines: What ``open`` and the scrolls show.
    """
    shown: dict[str, object] = {"agent__relevant_code": 0, "aci__window": lines}
    return commands("open", "scroll_down", "scroll_up", "rewrite_function", **UNTOLD, **shown)


def own_tests(**settings: object) -> Ours:
    """``single`` that runs tests of the project, and rewrites functions; nothing else checks an edit.

    Args:
        settings: As those of :func:`ours`.
    """
    given = {**UNCHECKED, **UNTOLD, "aci__test_timeout": 20, **settings}
    return replace(commands("run_tests", "rewrite_function", **given), tests=True)


#: What is compared, in the order of the table.
METHODS: dict[str, Arm] = {
    "one-reply": OneReply(),
    "mini-swe-agent-text": MiniSweAgent("mini_textbased", "litellm_textbased"),
    "mini-swe-agent-tools": MiniSweAgent("mini", "litellm"),
    "single": ours(),
    "reflexion": ours("reflexion"),
    "best-of-n": ours("best-of-n", strategy__variants=[]),
    "programmer-tester": ours("programmer-tester"),
    "repair-loop": ours("repair-loop"),
    "best": ours("best-of-n", strategy__first_share=0.75, strategy__variants=[{}, dotted(BLOCKS)]),
}

#: ``single`` with one part of the interface changed, and ``programmer-tester`` with what its tests are shown for.
ABLATION: dict[str, Arm] = {
    "no-guard": ours(aci__guard=False),
    "no-take-back": ours(aci__take_back=False),
    "checks-only-told": ours(aci__take_back=False, aci__submit_when_solved=False),
    "no-grammar": ours(agent__constrain=False),
    "any-line": ours(agent__reached_lines=False),
    "dialect-blocks": ours(**BLOCKS),
    "dialect-functions": commands("rewrite_function"),
    "dialect-replace": commands("replace", agent__task_prompt="replace"),
    "dialect-edit": commands("open", "edit", agent__task_prompt="edit"),
    "window-10": window(10),
    "window-100": window(100),
    "run-tests": own_tests(),
    "run-tests-no-delta": own_tests(aci__test_delta=False),
    "tests-never-shown": ours("programmer-tester", strategy__show_tests="never"),
    "tests-always-shown": ours("programmer-tester", strategy__show_tests="always"),
}

ARMS = METHODS | ABLATION
