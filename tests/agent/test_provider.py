"""The provider client against a server on the loopback that speaks OpenAI's chat API, well and badly."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.config import ModelConfig, Price
from agent.models import ContextOverflow, ModelError, Query, open_model
from agent.models.provider import ProviderModel
from tests.listening import listening

MESSAGES = [{"role": "user", "content": "Hello."}]
USAGE = {
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "total_tokens": 1100,
    "prompt_tokens_details": {"cached_tokens": 600},
}


def answer(**message: Any) -> dict[str, Any]:
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "mine",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi.", **message}}
        ],
        "usage": USAGE,
    }


def error(message: str, **facts: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **facts}}


class Server:
    """Answers with what was queued, then with a good answer; remembers what it was asked and when.

    Attributes:
        queue: ``(status, body, headers)``, or ``"reset"`` or ``"truncated"``.
        asked: The requests' bodies.
        times: When they came.
        keys: The Authorization headers.
    """

    def __init__(self) -> None:
        self.queue: list[tuple[int, dict[str, Any], dict[str, str]] | str] = []
        self.asked: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.keys: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.times.append(time.monotonic())
                server.asked.append(body)
                server.keys.append(self.headers.get("Authorization", ""))
                planned = server.queue.pop(0) if server.queue else (200, answer(), {})
                self.close_connection = True
                if planned == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    return
                status, reply, headers = (200, answer(), {}) if isinstance(planned, str) else planned
                data = json.dumps(reply).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Connection": "close", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if planned == "truncated" else data)

            def log_message(self, *_: Any) -> None: ...

            def finish(self) -> None:
                if not self.wfile.closed and self.connection.fileno() >= 0:
                    super().finish()

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with listening(made.http):
        yield made


Asker = Callable[..., ProviderModel]


@pytest.fixture
def waits() -> list[tuple[str, float]]:
    """What was said about every wait."""
    return []


@pytest.fixture
def model(server: Server, waits: list[tuple[str, float]]) -> Asker:
    def make(**settings: Any) -> ProviderModel:
        config = ModelConfig(**{"name": "mine", "api_base": server.address, **settings})
        return ProviderModel(config, lambda what, wait: waits.append((what, wait)))

    return make


def test_a_reply_with_what_it_used(model: Asker) -> None:
    reply = model().query(Query(MESSAGES))
    assert (reply.content, reply.finish_reason, reply.model, reply.retries) == ("Hi.", "stop", "mine", 0)
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.cached_tokens) == (1000, 100, 600)


def test_an_unknown_price_is_an_unknown_cost_and_a_configured_one_is_used(model: Asker) -> None:
    assert model().query(Query(MESSAGES)).usage.cost is None
    price = Price(input=3.0, output=15.0, cached_input=0.3)
    assert model(price=price).query(Query(MESSAGES)).usage.cost == pytest.approx((400 * 3 + 600 * 0.3 + 100 * 15) / 1e6)


def test_what_is_configured_is_what_is_asked(model: Asker, server: Server) -> None:
    model(temperature=0.3, top_p=0.9, max_tokens=77, extra={"presence_penalty": 0.5}).query(Query(MESSAGES))
    asked = server.asked[0]
    assert asked["messages"] == MESSAGES
    expected = {"model": "mine", "temperature": 0.3, "top_p": 0.9, "max_tokens": 77, "presence_penalty": 0.5}
    assert {key: asked.get(key) for key in expected} == expected
    assert "tools" not in asked


def test_the_temperature_of_one_call_and_a_seed_for_every_step(model: Asker, server: Server) -> None:
    asking = model(seed=40, temperature=0.0)
    asking.query(Query(MESSAGES, index=1))
    asking.query(Query(MESSAGES, temperature=0.8, index=2))
    assert [(asked["seed"], asked["temperature"]) for asked in server.asked] == [(41, 0.0), (42, 0.8)]


def test_tool_calls_go_there_and_back(model: Asker, server: Server) -> None:
    tool = {"name": "open", "description": "d", "parameters": {"type": "object", "properties": {}}}
    function = {"name": "open", "arguments": '{"path": "a'}
    calls = [{"id": "c1", "type": "function", "function": function}]
    server.queue.append((200, answer(content=None, tool_calls=calls), {}))
    reply = model().query(Query(MESSAGES, tools=[tool]))
    assert server.asked[0]["tools"] == [{"type": "function", "function": tool}]
    assert reply.tool_calls == [{"id": "c1", "name": "open", "arguments": '{"path": "a'}]
    assert reply.content == ""


def test_a_grammar_goes_only_to_a_server_that_takes_one(model: Asker, server: Server) -> None:
    query = Query(MESSAGES, grammar='root ::= "a"')
    model().query(query)
    model(grammar="llama.cpp", extra={"extra_body": {"cache_prompt": True}}).query(query)
    assert "grammar" not in server.asked[0]
    assert (server.asked[1]["grammar"], server.asked[1]["cache_prompt"]) == ('root ::= "a"', True)
    model(grammar="vllm").query(query)
    assert server.asked[2]["structured_outputs"] == {"grammar": 'root ::= "a"'}


def test_a_rate_limit_is_waited_for_as_long_as_the_provider_says(
    model: Asker, server: Server, waits: list[tuple[str, float]]
) -> None:
    server.queue += [(429, error("slow down"), {"Retry-After": "1"}), (429, error("slow"), {"retry-after-ms": "300"})]
    reply = model().query(Query(MESSAGES))
    assert reply.retries == 2
    first, second, third = server.times
    assert second - first >= 1.0
    assert third - second >= 0.3
    assert waits == [("mine: rate limit", 1.0), ("mine: rate limit", 0.3)]


@pytest.mark.parametrize("fault", [(500, error("oops"), {}), (503, error("busy"), {}), "reset", "truncated"])
def test_a_transient_failure_is_tried_again(
    model: Asker, server: Server, waits: list[tuple[str, float]], fault: Any
) -> None:
    server.queue.append(fault)
    assert model().query(Query(MESSAGES)).content == "Hi."
    assert len(server.asked) == 2, "retries are made in one layer only"
    assert len(waits) == 1


@pytest.mark.parametrize("unreadable", ["soon", "1s", "nan", "Mon, 99 Foo 2026"])
def test_a_time_to_wait_that_cannot_be_read_is_none(
    model: Asker, server: Server, waits: list[tuple[str, float]], unreadable: str
) -> None:
    server.queue += [(status, error("slow down"), {"Retry-After": unreadable}) for status in (429, 503)]
    assert model().query(Query(MESSAGES)).content == "Hi."
    assert len(waits) == 2


def test_half_a_character_of_a_reply_does_not_get_into_the_next_prompt(model: Asker, server: Server) -> None:
    asked = model()
    server.queue.append((200, answer(content="half \ud83d"), {}))
    reply = asked.query(Query(MESSAGES))
    assert reply.content == "half \ufffd"
    asked.query(Query([*MESSAGES, {"role": "assistant", "content": reply.content}, *MESSAGES]))
    assert server.asked[1]["messages"][1]["content"] == "half \ufffd"


def test_retries_end(model: Asker, server: Server) -> None:
    server.queue += [(429, error("slow down"), {"retry-after-ms": "1"})] * 4
    with pytest.raises(ModelError, match="rate limit"):
        model(retries=3).query(Query(MESSAGES))
    assert len(server.asked) == 4


def test_a_fallback_answers_when_retries_have_ended(
    model: Asker, server: Server, waits: list[tuple[str, float]]
) -> None:
    server.queue.append((429, error("slow down"), {}))
    reply = model(retries=0, fallbacks=["other"]).query(Query(MESSAGES))
    assert reply.model == "other"
    assert [asked["model"] for asked in server.asked] == ["mine", "other"]
    assert waits == [("mine: rate limit; going on with other", 0.0)]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, error("Incorrect API key", code="invalid_api_key"), "refuses the key"),
        (403, error("not yours"), "refuses the key"),
        (404, error("The model does not exist", code="model_not_found"), "no such model"),
        (400, error("messages: bad role"), "refuses the request"),
        (402, error("Insufficient credits"), "refuses the request"),
        (413, error("Request Entity Too Large"), "refuses the request"),
    ],
)
def test_what_trying_again_cannot_mend_ends_at_once(
    model: Asker, server: Server, status: int, body: dict[str, Any], says: str
) -> None:
    server.queue.append((status, body, {}))
    with pytest.raises(ModelError) as raised:
        model(fallbacks=["other"]).query(Query(MESSAGES))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(server.asked) == 1


def test_what_cannot_be_processed_ends_at_once_too(model: Asker, server: Server) -> None:
    server.queue += [(422, error("tools: not supported"), {})] * 2  # litellm itself asks a second time
    with pytest.raises(ModelError, match="refuses the request"):
        model().query(Query(MESSAGES))
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("This model's maximum context length is 8192 tokens.", code="context_length_exceeded")),
        (400, error("It does not fit.", code="context_length_exceeded")),
        (400, error("prompt is too long: 210000 tokens > 200000 maximum")),
        (400, error("Input is too long for requested model.")),
        (400, error("Please reduce the length of the messages or completion.")),
        (400, error("request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it")),
        (500, error("the request exceeds the available context size", code=500)),
    ],
)
def test_a_prompt_that_is_too_long_is_told_apart(
    model: Asker, server: Server, status: int, body: dict[str, Any]
) -> None:
    server.queue.append((status, body, {}))
    with pytest.raises(ContextOverflow):
        model().query(Query(MESSAGES))
    assert len(server.asked) == 1


def test_nothing_that_listens_is_said_in_seconds_with_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        asking = ProviderModel(ModelConfig(name="mine", api_base=address))
        with pytest.raises(ModelError, match=f"nothing answers at {address}"):
            asking.query(Query(MESSAGES))


def test_an_answer_that_takes_too_long_is_a_transient_failure(model: Asker, waits: list[tuple[str, float]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(ModelError, match="no answer within"):
            model(api_base=address, timeout=0.3, retries=1).query(Query(MESSAGES))
    assert len(waits) == 1


def test_a_model_of_an_own_server_may_have_any_name(server: Server) -> None:
    with closing(open_model(ModelConfig(name="scripted", api_base=server.address))) as model:
        assert isinstance(model, ProviderModel)


def test_the_key_of_an_own_server(model: Asker, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATCHWRIGHT_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    model().query(Query(MESSAGES))
    monkeypatch.setenv("PATCHWRIGHT_API_KEY", "mine-alone")
    model().query(Query(MESSAGES))
    assert server.keys == ["Bearer none", "Bearer mine-alone"]


def test_what_is_known_of_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ProviderModel(ModelConfig(name="openai/gpt-4o"))
    assert known.takes_tools
    assert known.context_window == 128_000
    assert ProviderModel(ModelConfig(name="mine", api_base="http://127.0.0.1:1/v1")).context_window is None
    assert ProviderModel(ModelConfig(name="mine", context_window=9000)).context_window == 9000
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match="set OPENAI_API_KEY"):
        known.check()
    monkeypatch.setenv("OPENAI_API_KEY", "x" * 20)
    known.check()


def test_no_env_file_of_the_current_directory_is_read(tmp_path: Path) -> None:
    """It may be that of a hostile repository: an address in it would send the prompt and the key elsewhere."""
    import sys

    (tmp_path / ".env").write_text("OPENAI_API_BASE=http://evil.example/v1\nOPENAI_API_KEY=from-the-file\n")
    program = """
import os
from agent.models.litellm_loader import load_litellm
load_litellm()
print([name for name in os.environ if name.startswith("OPENAI")])
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_a_call_waits_for_the_import_that_runs_in_the_background() -> None:
    program = (
        "from agent.models.litellm_loader import load_litellm, preload_litellm\n"
        "thread = preload_litellm()\n"
        "assert load_litellm().completion and load_litellm().RateLimitError\n"
        "thread.join()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_all_callers_wait_when_one_is_told_to(server: Server) -> None:
    told = threading.Event()
    asked = ProviderModel(ModelConfig(name="mine", api_base=server.address), lambda what, wait: told.set())
    server.queue = [(429, error("slow down"), {"Retry-After": "0.5"})]
    first = threading.Thread(target=lambda: asked.query(Query(MESSAGES)))
    first.start()
    told.wait()
    asked.query(Query(MESSAGES))
    first.join()
    refused, *later = server.times
    assert len(later) == 2
    assert min(later) - refused >= 0.45
