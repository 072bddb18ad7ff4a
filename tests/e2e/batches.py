"""Runs of many tasks: a data set made on the spot, and a provider that fails at every third call."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.e2e.conftest import TOOLS, User
from tests.listening import listening

#: Stands in every field that no agent may see.
CANARY = "canary-3f1d"


def tasks_of(user: User, count: int) -> Path:
    """A data set of tasks on the user's repository."""
    commit = user.git("rev-parse", "HEAD").strip()
    rows = [
        {
            "instance_id": f"mine__calc-{number}",
            "repo": str(user.repository),
            "base_commit": commit,
            "problem_statement": f"add subtracts its arguments ({number})",
            "patch": CANARY,
            "test_patch": CANARY,
            "FAIL_TO_PASS": json.dumps([CANARY]),
            "PASS_TO_PASS": json.dumps([CANARY]),
            "hints_text": CANARY,
        }
        for number in range(1, count + 1)
    ]
    path = user.home / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def batch(user: User, tasks: Path, output: Path, model: str, *more: str, sandbox: str = "local") -> list[str]:
    """The arguments of ``agent batch``."""
    settings = ["--set", TOOLS, "--set", "aci.review_submit=false", "--retry-wait", "0"]
    known = ["batch", "--tasks", str(tasks), "--output", str(output), "--model", model, "--sandbox", sandbox]
    return [*known, *settings, *more]


def predictions(output: Path, name: str = "preds.json") -> dict[str, str]:
    """Patches by task."""
    known = json.loads((output / name).read_text())
    return {task: entry["model_patch"] for task, entry in known.items()}


def results(output: Path) -> dict[str, Any]:
    """What ``results.json`` says."""
    found: dict[str, Any] = json.loads((output / "results.json").read_text())
    return found


def completion(reply: dict[str, Any], number: int) -> dict[str, Any]:
    """A scripted reply as a provider gives it."""
    calls = [
        {
            "id": f"call_{number}_{place}",
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
        }
        for place, call in enumerate(reply.get("tool_calls", ()))
    ]
    message = {"role": "assistant", "content": reply.get("content", ""), "tool_calls": calls}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "mine",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }


class Provider:
    """Speaks OpenAI's chat API on a loopback port: the reply of an attempt's nth call is the nth of its script.

    Args:
        replies: The script.
        faults: What every third call meets instead, in turn: a status, ``reset`` or ``truncated``.

    Attributes:
        asked: The bodies of all requests.
        answered: How many got a good answer.
    """

    def __init__(self, replies: Sequence[dict[str, Any]], faults: Sequence[int | str] = ()) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answered = 0
        lock = threading.Lock()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                made = sum(message["role"] == "assistant" for message in body["messages"])
                with lock:
                    provider.asked.append(body)
                    turn = len(provider.asked)
                    fault = faults[turn // 3 % len(faults)] if faults and turn % 3 == 0 else None
                    provider.answered += fault is None
                self.close_connection = True
                if fault == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    return
                data = json.dumps(completion(replies[made], made + 1)).encode()
                status = fault if isinstance(fault, int) else 200
                if status != 200:
                    data = json.dumps({"error": {"message": "not now", "type": "x", "code": None}}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Connection", "close")
                if status == 429:
                    self.send_header("Retry-After", "0.3")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if fault == "truncated" else data)

            def log_message(self, *_: Any) -> None: ...

            def finish(self) -> None:
                if not self.wfile.closed and self.connection.fileno() >= 0:
                    super().finish()

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@contextlib.contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """The provider, while it listens."""
    with listening(provider.http):
        yield provider
