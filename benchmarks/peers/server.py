"""An OpenAI-compatible server that plays a script, takes the times of calls and sees that commands were executed."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.peers.adapter import MODEL, Reply

#: In one conversation; then what is awaited is missed.
MOST_WAITS = 1000


@dataclass
class Play:
    """One program's run against the server. Attempts share the script; a call's place in it is told by its messages.

    Attributes:
        replies: What the model says, in order.
        expected: What the request after each reply must show; ``""`` for anything.
        delay: Seconds that each reply takes.
        wait: What is said, at once, to a program that does not show it yet; ``None``: that is a fault.
        on_call: Told of each call: its place in the script.
        arrivals: When calls came (seconds of ``time.monotonic``) by place.
        departures: When their replies went.
        faults: What a program did not do as scripted.
        others: Calls that are no step, such as for a title.
    """

    replies: Sequence[Reply]
    expected: Sequence[str]
    delay: float
    wait: Reply | None = None
    on_call: Callable[[int], object] = lambda place: None
    arrivals: dict[int, list[float]] = field(default_factory=dict)
    departures: dict[int, list[float]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    others: int = 0

    def reply(self, request: dict[str, Any], arrived: float) -> tuple[Reply, int | None]:
        """The next reply to a conversation, and its place in the script (``None`` where it is none of the script's)."""
        messages = request["messages"]
        said = [number for number, message in enumerate(messages) if message["role"] == "assistant"]
        asked = len(said)
        if self.wait is not None:
            said = [number for number in said if text(messages[number]) != self.wait["content"]]
        place = len(said)
        if any("tool" in reply for reply in self.replies) and not request.get("tools"):
            self.others += 1
            return {"content": "A title"}, None
        if place >= len(self.replies):
            self.faults.append(f"call {place + 1} of {len(self.replies)}")
            return self.replies[-1], None
        if place:
            seen = json.dumps(messages[said[-1] + 1 :], ensure_ascii=False)
            if json.dumps(self.expected[place - 1], ensure_ascii=False)[1:-1] not in seen:
                if self.wait is not None and asked - place < MOST_WAITS:
                    return self.wait, None
                missed = f"what command {place} printed never reached the model"
                self.faults.append(f"{missed}\nno {self.expected[place - 1]!r} in {seen[-1500:]}")
        self.arrivals.setdefault(place, []).append(arrived)
        self.on_call(place)
        time.sleep(self.delay)
        return self.replies[place], place

    def gone(self, place: int) -> None:
        """A reply is on its way."""
        self.departures.setdefault(place, []).append(time.monotonic())


def text(message: dict[str, Any]) -> str:
    """What a message says, whether it is written as text or as parts."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class Server:
    """Plays at ``http://HOST:PORT/v1`` for the program that runs.

    Attributes:
        play: What is played now.
        port: Its port.
    """

    def __init__(self) -> None:
        self.play = Play([], [], 0)
        self.port = 0


@contextmanager
def serving(hosts: Sequence[str]) -> Iterator[Server]:
    """A server on the same port of these addresses of this machine."""
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "script"}]})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arrived = time.monotonic()
            play = server.play
            reply, place = play.reply(request, arrived)
            if request.get("stream"):
                play.faults.append("asked for a stream")
            self.answer(completion(reply))
            if place is not None:
                play.gone(place)

        def answer(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)  # in one piece: a second packet would wait for the first's receipt

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    listeners: list[ThreadingHTTPServer] = []
    try:
        for host in hosts:
            listener: ThreadingHTTPServer = _Listener((host, server.port), Handler)
            server.port = listener.server_address[1]
            listeners.append(listener)
            threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield server
    finally:
        for listener in listeners:
            listener.shutdown()
            listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def handle_error(self, request: object, address: object) -> None:
        """A program that was killed leaves its call."""


def completion(reply: Reply) -> dict[str, Any]:
    """A reply as the API gives it."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.get("content", "")}
    if "tool" in reply:
        made = {"name": reply["tool"], "arguments": json.dumps(reply["arguments"])}
        message["tool_calls"] = [{"id": f"call_{time.monotonic_ns()}", "type": "function", "function": made}]
    return {
        "id": f"chatcmpl-{time.monotonic_ns()}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if "tool" in reply else "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050},
    }
