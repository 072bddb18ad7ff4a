"""The server of the protocol: what it lists and how a call reaches the main thread, by the official SDK."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aci_tools.errors import UsageError
from aci_tools.tools.describe import json_schema
from agent import __version__
from agent.formats import Tools
from agent.mcp.relay import Answer, Relay

if TYPE_CHECKING:
    from mcp.server import Server, ServerRequestContext
    from mcp_types import (
        CallToolRequestParams,
        CallToolResult,
        ListToolsResult,
        PaginatedRequestParams,
        Tool,
    )
    from starlette.types import ASGIApp, Receive, Scope, Send

ADDRESS = "127.0.0.1"
#: Key of a result's ``_meta`` that holds the code of an observation.
CODE = "patchwright/code"
#: Seconds between two signs of life while a call is carried out, for clients that give up without any.
_PULSE = 10.0


@dataclass(frozen=True)
class Offer:
    """What is served.

    Attributes:
        tools: The tools.
        instructions: What a client's model should know of them.
        network: Whether commands reach anything outside the sandbox.
    """

    tools: Tools
    instructions: str
    network: bool


def need_sdk() -> None:
    """See that the SDK is there.

    Raises:
        UsageError: It is not; the message says how to install it.
    """
    try:
        import mcp  # noqa: F401
    except ImportError:
        raise UsageError("serving tools needs the extra [mcp]: pip install 'patchwright[mcp]'") from None


def make_server(offer: Offer, relay: Relay) -> Server[Any]:
    """A server that lists the tools and has their calls carried out.

    Args:
        offer: What is served.
        relay: Where calls go.
    """
    from mcp.server import Server
    from mcp_types import ListToolsResult

    tools = [_described(json_schema(tool), offer.network, edits=tool.edits) for tool in offer.tools]

    async def list_tools(context: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        asked = asyncio.ensure_future(relay.ask(params.name, params.arguments or {}, _client(context)))
        try:
            return _result(await _with_pulse(asked, context))
        finally:
            asked.cancel()

    return Server(
        "patchwright",
        version=__version__,
        title="Patchwright",
        instructions=offer.instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def start_stdio(server: Server[Any], relay: Relay) -> None:
    """Serve the one client at the other end of standard input and output, in a thread, until it closes them."""
    from mcp.server.stdio import stdio_server

    async def run() -> None:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    _start(run, relay)


def start_http(server: Server[Any], relay: Relay, port: int, token: str) -> str:
    """Serve every client of this machine that has the token, in a thread, until the process ends.

    Args:
        server: The server.
        relay: Where calls go.
        port: Port on 127.0.0.1; 0 for a free one.
        token: What a client has to show.

    Returns:
        The address of the endpoint.

    Raises:
        UsageError: The port is taken.
    """
    import uvicorn

    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen()  # from now on clients may come, even though nobody answers yet
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(f"--http {port}: cannot listen there ({error}); choose another port, or 0 for any") from None
    app = _Guarded(server.streamable_http_app(host=ADDRESS), token)
    serving = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    _start(lambda: serving.serve(sockets=[listener]), relay)
    return f"http://{ADDRESS}:{listener.getsockname()[1]}/mcp"


def new_token() -> str:
    """A token that no one can guess."""
    return secrets.token_urlsafe(24)


class _Guarded:
    """Lets through what shows the token; any program of this machine can reach the port."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.responses import PlainTextResponse

        app: ASGIApp = self._app
        shown = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] != "lifespan" and not hmac.compare_digest(shown, self._expected):
            headers = {"WWW-Authenticate": "Bearer"}
            app = PlainTextResponse("the token is missing or wrong", 401, headers)
        await app(scope, receive, send)


def _start(run: Callable[[], Coroutine[Any, Any, None]], relay: Relay) -> None:
    def speak() -> None:
        try:
            asyncio.run(run())
        finally:
            relay.end()

    # Nothing to wait for at the end: it may be reading from a client that says nothing.
    threading.Thread(target=speak, name="mcp", daemon=True).start()


async def _with_pulse(asked: asyncio.Future[Answer], context: ServerRequestContext[Any]) -> Answer:
    """The answer; until it is there, word that the call is still under way, to clients that asked for it."""
    waited = 0.0
    while not (await asyncio.wait({asked}, timeout=_PULSE))[0]:
        waited += _PULSE
        await context.session.report_progress(waited, message="still under way")
    return asked.result()


def _client(context: ServerRequestContext[Any]) -> str:
    given = context.session.client_params
    return f"{given.client_info.name} {given.client_info.version}".strip() if given else ""


def _described(schema: dict[str, Any], network: bool, *, edits: bool) -> Tool:
    from mcp_types import Tool, ToolAnnotations

    # Whatever is destroyed, it is in the sandbox.
    hints = ToolAnnotations(read_only_hint=not edits, destructive_hint=False, open_world_hint=network)
    return Tool(
        name=schema["name"],
        description=schema["description"],
        input_schema=schema["parameters"],
        annotations=hints,
    )


def _result(answer: Answer) -> CallToolResult:
    from mcp_types import CallToolResult, TextContent

    texts = [answer.text, *([answer.patch] if answer.patch else [])]
    # JSON holds no bytes that are not UTF-8; the patch in the file does.
    sendable = [text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for text in texts]
    return CallToolResult(
        content=[TextContent(text=text) for text in sendable],
        is_error=not answer.ok,
        **({"_meta": {CODE: answer.code}} if answer.code else {}),
    )
