"""The embedded model: its server starts, obeys a grammar, caches the prompt, and does not outlive its parent."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from aci_tools.tools import toolset
from agent.config import ModelConfig
from agent.formats import ShownLine, make_format
from agent.models import ModelError, Query
from agent.models.local import LocalModel
from agent.models.weights import CATALOGUE, weights_path
from trajectories.events import ModelReplied, Usage

# Where the weights are not in the cache yet, the first test fetches them.
pytestmark = [pytest.mark.model, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
NAME = "qwen2.5-coder-1.5b"
GRAMMAR = 'root ::= "THOUGHT: " [a-z ]{4,20} "\\n```\\n" ("open" | "submit") "\\n```"'


@pytest.fixture(scope="module")
def model() -> Iterator[LocalModel]:
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    if not os.environ.get("CI") and not weights_path(CATALOGUE[NAME]).exists():
        pytest.skip(f"the weights of {NAME} are not in the cache; `agent demo` fetches them")
    made = LocalModel(ModelConfig(name=f"local/{NAME}", max_tokens=24, context_window=2048, seed=1))
    yield made
    made.close()
    made.close()  # twice is no harm


RULES = "You reply with one word. " + "Rule: be brief, be exact, say nothing that was not asked. " * 12


def test_it_answers_under_a_grammar_and_caches_the_prompt(model: LocalModel) -> None:
    messages = [{"role": "system", "content": RULES}, {"role": "user", "content": "Which command?"}]
    first = model.query(Query(messages, grammar=GRAMMAR))
    assert first.content.startswith("THOUGHT: ")
    assert first.content.removesuffix("\n```").endswith(("open", "submit"))
    assert first.usage.cost is None
    answered = [{"role": "assistant", "content": first.content}, {"role": "user", "content": "And now?"}]
    second = model.query(Query([*messages, *answered], grammar=GRAMMAR, index=1))
    assert second.usage.cached_tokens > first.usage.prompt_tokens // 2
    assert second.usage.prompt_tokens > first.usage.prompt_tokens


def test_two_calls_at_once_each_get_their_own_answer(model: LocalModel) -> None:
    config = model.config.model_copy(update={"parallel": 2})
    words = ("open", "submit")

    def ask(word: str) -> str:
        messages = [{"role": "user", "content": f"Say {word}, and nothing else."}]
        return two.query(Query(messages, grammar=f'root ::= "{word}"')).content

    two = LocalModel(config)
    try:
        with ThreadPoolExecutor(2) as pool:
            assert tuple(pool.map(ask, words)) == words
    finally:
        two.close()


def test_code_of_the_prompt_is_repeated_under_a_grammar(model: LocalModel) -> None:
    code = "".join(f"total = total + value_{number} * weight_{number}\n" for number in range(6))
    messages = [{"role": "user", "content": f"Repeat this code exactly:\n```python\n{code}```"}]
    config = model.config.model_copy(update={"max_tokens": 150})
    grammar = 'root ::= "```python\n" [^`]+ "```"'
    repeating = LocalModel(config)
    try:
        assert repeating.query(Query(messages, grammar=grammar)).content == f"```python\n{code}```"
    finally:
        repeating.close()


def test_a_line_is_corrected_to_something_else_than_it_is(model: LocalModel) -> None:
    format, tools = make_format("line_or_block"), toolset(["replace_line", "rewrite", "submit"])
    was = 'names = [f"{a}-{b}" for a, b in pairs]'
    grammar = format.grammar(tools, ["a.py"], [ShownLine("a.py", 3, f"    {was}")])
    code = f"a.py, line 3 is:\n```python\n{was}\n```\n"
    messages = [{"role": "user", "content": f"Say that this must be as it is, and copy it:\n{code}"}]
    writing = LocalModel(model.config.model_copy(update={"max_tokens": 400}))
    try:
        said = writing.query(Query(messages, grammar=grammar)).content
    finally:
        writing.close()
    assert said.startswith(f"{code}It must be:\n```python\n")
    assert said.count("Or else:\n```python\n") == 2
    reply = ModelReplied(step=1, content=said, model=NAME, usage=Usage())
    arguments = [each.call.arguments for each in format.parse(reply, tools).calls]
    assert arguments[0]["old"] == was
    for each in arguments:
        assert each["new"].partition(" #")[0].strip() != was


def test_a_prompt_beyond_the_window_is_told_apart(model: LocalModel) -> None:
    from agent.models import ContextOverflow

    with pytest.raises(ContextOverflow):
        model.query(Query([{"role": "user", "content": "word " * 4000}]))


OWN_SERVER = f"""#!{sys.executable}
import argparse, os, xllamacpp
parser = argparse.ArgumentParser()
for name in ("--model", "--alias", "--host", "--spec-type"):
    parser.add_argument(name)
for name in ("--ctx-size", "--parallel", "--threads", "--threads-batch", "--port"):
    parser.add_argument(name, type=int)
parser.add_argument("--no-warmup", action="store_true")
given = parser.parse_args()
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = given.model, {{given.alias}}
params.n_ctx, params.n_parallel, params.port = given.ctx_size, given.parallel, given.port
params.hostnames, params.api_keys, params.warmup = [given.host], [os.environ["LLAMA_API_KEY"]], False
server = xllamacpp.Server(params)
open(__file__ + ".pid", "w").write(str(os.getpid()))
__import__("signal").pause()
"""


def test_a_server_of_the_users_own_runs_the_model_and_ends_with_it(model: LocalModel, tmp_path: Path) -> None:
    program = tmp_path / "llama-server"
    program.write_text(OWN_SERVER)
    program.chmod(0o755)
    own = LocalModel(model.config.model_copy(update={"llama_server": str(program)}))
    messages = [{"role": "user", "content": "Say open, and nothing else."}]
    assert own.query(Query(messages, grammar='root ::= "open"')).content == "open"
    watch = os.pidfd_open(int((tmp_path / "llama-server.pid").read_text()))
    own.close()
    assert ended(watch)


def test_a_program_that_is_not_there_or_fails_is_named(model: LocalModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no program"):
        LocalModel(model.config.model_copy(update={"llama_server": str(tmp_path / "none")}))
    broken = LocalModel(model.config.model_copy(update={"llama_server": "/bin/false"}))
    with pytest.raises(ModelError, match="/bin/false ended with exit code 1"):
        broken.start()
    broken.close()


def ended(watch: int) -> bool:
    """Whether a process ends within half a minute; closes what watches it."""
    try:
        return bool(select.select([watch], [], [], 30)[0])
    finally:
        os.close(watch)


PARENT = f"""
import sys
from agent.config import ModelConfig
from agent.models.local import LocalModel
model = LocalModel(ModelConfig(name="local/{NAME}", context_window=512))
model.start()
print(model._server.pid, flush=True)
sys.stdin.read()
"""


def test_the_server_ends_with_a_parent_that_is_killed(model: LocalModel) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        watch = os.pidfd_open(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert ended(watch), f"the server {pid} outlived its parent"
