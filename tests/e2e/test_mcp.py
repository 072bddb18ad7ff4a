"""Other agents use the tools over the Model Context Protocol; the clients here are those of its official SDK."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from aci_tools.tools import TOOLS
from tests.e2e.conftest import CALC, FIXED, User, one_line
from trajectories.events import AttemptEnded
from trajectories.log import read_events

T = TypeVar("T")
TEST = "import unittest\nfrom calc import add\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n"
TEST += "        self.assertEqual(add(1, 2), 3)\n"


@dataclass
class Caller:
    """A connected client."""

    client: Client

    async def __call__(self, tool: str, **arguments: Any) -> str:
        """The text of a call that succeeds."""
        result = await self.try_(tool, **arguments)
        assert not result.is_error, texts(result)
        return texts(result)[0]

    async def try_(self, tool: str, **arguments: Any) -> CallToolResult:
        result = await self.client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        return result


def texts(result: CallToolResult) -> list[str]:
    return [content.text for content in result.content if content.type == "text"]


@asynccontextmanager
async def connected(user: User, *more: str, sandbox: str = "local") -> AsyncIterator[Caller]:
    """A client that has started ``agent mcp`` on the user's repository."""
    command = user.command("mcp", "--repo", str(user.repository), "--sandbox", sandbox, *more)
    parameters = StdioServerParameters(command=command[0], args=command[1:], env=user.env, cwd=user.home)
    with (user.home / "stderr").open("a") as said:
        async with Client(stdio_client(parameters, errlog=said)) as client:
            yield Caller(client)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


@contextmanager
def named_image(kind: str, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Arguments for an image of a name that no other container has, and a look at what is left of it."""
    if kind != "docker":
        yield []
        return
    name = f"patchwright/test:{uuid.uuid4().hex}"
    subprocess.run(["docker", "tag", request.getfixturevalue("docker_image"), name], check=True)
    try:
        yield ["--image", name]
        listed = subprocess.run(
            ["docker", "ps", "--all", "--format", "{{.Image}}"], capture_output=True, text=True, check=True
        )
        assert name not in listed.stdout.split()
    finally:
        subprocess.run(["docker", "rmi", name], check=True, capture_output=True)


#: Stands before what a call says that must fail.
FAILS = "fails: "


#: Calls of every tool in an order that makes sense, each with a part of what it says.
def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work in a thread of its own: other tests' libraries leave an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("create", {"path": "test_calc.py", "text": TEST}, "test_calc.py"),
    ("open", {"path": "calc.py"}, "2:    return a - b"),
    ("goto", {"line": 1}, "1:def add"),
    ("scroll_down", {}, "calc.py"),
    ("scroll_up", {}, "calc.py"),
    ("find_file", {"pattern": "c*.py"}, "calc.py"),
    ("search_dir", {"term": "a - b"}, "calc.py"),
    ("search_file", {"term": "a - b", "path": "calc.py"}, "return a - b"),
    ("run_tests", {}, FAILS + "1 failed"),
    ("trace", {"call": "from calc import add; assert add(1, 2) == 3", "function": "calc.add"}, "return a - b"),
    ("insert", {"path": "calc.py", "line": 0, "text": "# Sums.\n"}, "# Sums."),
    ("edit", {"path": "calc.py", "start": 1, "end": 1, "text": "# Sum.\n"}, "# Sum."),
    ("edit", {"path": "calc.py", "start": 1, "end": 1, "text": "def (:\n"}, FAILS + "Not edited"),
    ("undo", {}, "# Sums."),
    ("undo", {}, "return a - b"),
    ("replace", {"path": "calc.py", "old": "a - b", "new": "b + a"}, "return b + a"),
    ("replace_line", {"path": "calc.py", "line": 2, "old": "return b + a", "new": "return a * b"}, "return a * b"),
    ("rewrite", {"code": "def add(a, b):\n    return b - a\n"}, "return b - a"),
    ("rewrite_function", {"path": "calc.py", "name": "add", "code": FIXED}, "return a + b"),
    ("run_tests", {}, "1 passed"),
    ("bash", {"command": "rm -r test_calc.py; ls"}, "calc.py"),
]


def test_a_client_lists_and_calls_every_tool(
    user: User, kind: str, output: Path, request: pytest.FixtureRequest
) -> None:
    async def session(image: list[str]) -> None:
        async with connected(user, *image, "--output", str(output), sandbox=kind) as call:
            listed = (await call.client.list_tools()).tools
            schemas = json.loads(user.agent("tools", "--json").stdout)
            told = [{"name": t.name, "description": t.description, "parameters": t.input_schema} for t in listed]
            assert told == schemas
            for tool, arguments, said in CALLS:
                result = await call.try_(tool, **arguments)
                assert said.removeprefix(FAILS) in texts(result)[0]
                assert result.is_error == said.startswith(FAILS), texts(result)
            assert texts(await call.try_("submit"))[1] == user.patch
            assert {tool for tool, *_ in CALLS} | {"submit"} == {tool.name for tool in listed} == set(TOOLS)

    with named_image(kind, request) as image:
        run_apart(session(image))
    assert (output / "patch.diff").read_text() == user.patch
    assert (user.repository / "calc.py").read_text() == CALC
    assert user.left_behind() == []
    ended = read_events(output / "trajectory.jsonl")[-1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.status, ended.patch) == ("submitted", user.patch)


def test_what_is_submitted_reaches_the_working_tree_and_only_what_is_new_of_it(user: User, output: Path) -> None:
    async def session() -> None:
        async with connected(user, "--apply", "--output", str(output)) as call:
            await call("replace", path="calc.py", old="a - b", new="a + b")
            assert (user.repository / "calc.py").read_text() == CALC
            assert "Applied to" in await call("submit")
            assert (user.repository / "calc.py").read_text() == FIXED
            assert "has all of it" in await call("submit")
            await call("create", path="doc.md", text="Sums.\n")
            assert "Applied to" in await call("submit")
            assert (user.repository / "doc.md").read_text() == "Sums.\n"
            await call("replace", path="calc.py", old="a + b", new="sum((a, b))")
            (user.repository / "calc.py").write_text("# The user's own.\n")
            assert "could not be applied" in await call("submit")
            assert (user.repository / "calc.py").read_text() == "# The user's own.\n"

    run_apart(session())
    patch = (output / "patch.diff").read_text()
    assert "sum((a, b))" in patch
    assert "doc.md" in patch


@pytest.fixture
def under_way(tmp_path: Path) -> Path:
    """A pipe that a command opens when it has begun."""
    os.mkfifo(tmp_path / "begun")
    return tmp_path / "begun"


async def begin_endless(call: Caller, pipe: Path) -> asyncio.Task[CallToolResult]:
    """A call that takes longer than any test; it is under way when this returns."""
    endless = asyncio.create_task(call.try_("bash", command=f"echo >{pipe}; sleep 1000"))
    await asyncio.to_thread(pipe.read_text)
    return endless


def test_a_call_that_is_taken_back_ends_and_the_next_one_is_carried_out(
    user: User, output: Path, under_way: Path
) -> None:
    async def session() -> None:
        async with connected(user, "--set", "aci.command_timeout=1000", "--output", str(output)) as call:
            await call("bash", command="echo kept >new.txt")
            endless = await begin_endless(call, under_way)
            endless.cancel()
            assert await call("bash", command="cat new.txt") == "kept"
            assert "+kept" in texts(await call.try_("submit"))[1]

    run_apart(session())
    replayed = user.agent("replay", str(output), "--trust")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "4 actions: 3 equal, 0 different, 1 not executed; patch: equal" in replayed.stdout


def test_a_client_that_goes_in_the_middle_of_a_call_leaves_the_patch_and_nothing_else(
    user: User, output: Path, under_way: Path
) -> None:
    async def session() -> None:
        async with connected(user, "--set", "aci.command_timeout=1000", "--output", str(output)) as call:
            await call("replace", path="calc.py", old="a - b", new="a + b")
            endless = await begin_endless(call, under_way)
        with pytest.raises(Exception, match="closed"):
            await endless

    run_apart(session())
    assert (output / "patch.diff").read_text() == user.patch
    assert user.left_behind() == []
    ended = read_events(output / "trajectory.jsonl")[-1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.status, ended.patch) == ("interrupted", user.patch)


@contextmanager
def http_server(user: User, *more: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """A process of ``agent mcp --http``, its address and its token."""
    command = user.command("mcp", "--repo", str(user.repository), "--sandbox", "local", "--http", "0", *more)
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=user.env, cwd=user.home, text=True, **pipes) as server:
        try:
            assert server.stderr is not None
            words = next(line for line in server.stderr if line.startswith("serving ")).split()
            yield server, words[1], words[-1]
        finally:
            server.kill()


def test_clients_with_the_token_share_a_sandbox_over_http(user: User) -> None:
    async def use(address: str, token: str, tool: str, **arguments: Any) -> str:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            return await Caller(client)(tool, **arguments)

    with http_server(user) as (server, address, token):
        run_apart(use(address, token, "replace", path="calc.py", old="a - b", new="a + b"))
        assert "return a + b" in run_apart(use(address, token, "open", path="calc.py"))
        server.send_signal(signal.SIGTERM)
        assert server.stdout is not None
        assert server.stdout.read() == user.patch
        assert server.wait() == 0
    assert user.left_behind() == []


def test_http_is_closed_to_programs_without_the_token_and_to_other_sites(user: User) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accepted = {"Accept": "application/json, text/event-stream"}
    user.env["PATCHWRIGHT_MCP_TOKEN"] = "a-token-of-the-user"
    with http_server(user) as (_, address, _):

        def status(**headers: str) -> int:
            return httpx2.post(address, json=hello, headers=accepted | headers).status_code

        right = {"Authorization": "Bearer a-token-of-the-user"}
        assert status() == status(Authorization="Bearer a-token-of-the-use") == 401
        assert status(**right, Host="evil.example") == 421
        assert status(**right, Origin="http://evil.example") == 403
        assert status(**right) not in (401, 403, 421)


def test_only_the_named_tools_are_served(user: User) -> None:
    async def session() -> None:
        async with connected(user, "--tools", "open,bash") as call:
            assert [tool.name for tool in (await call.client.list_tools()).tools] == ["open", "bash"]
            refused = await call.try_("edit", start=1, end=1, text="")
            assert refused.is_error
            assert "The commands are: open, bash." in texts(refused)[0]

    run_apart(session())


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--repo", "nowhere"], 2, "no such directory: nowhere"),
        (["--tools", "bash,opn"], 2, "no tool is called opn; did you mean open?"),
        (["--tools", ","], 2, "name at least one"),
        (["--repo", "file:///nowhere", "--apply"], 2, "there is no working tree to apply to"),
        (["--sandbox", "local", "--set", "sandbox.allow_hosts=[pypi.org]"], 2, "cannot enforce sandbox.allow_hosts"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(user: User, options: list[str], code: int, said: str) -> None:
    done = user.agent("mcp", *options, cwd=user.repository)
    assert done.returncode == code
    assert said in one_line(done)
    assert user.left_behind() == []


def test_a_missing_sdk_is_named_with_the_way_to_install_it(user: User) -> None:
    (user.home / "mcp.py").write_text("raise ImportError\n")
    user.env["PYTHONPATH"] = f"{user.home}:{user.env['PYTHONPATH']}"
    done = user.agent("mcp", "--repo", str(user.repository))
    assert done.returncode == 2
    assert "pip install 'patchwright[mcp]'" in one_line(done)
