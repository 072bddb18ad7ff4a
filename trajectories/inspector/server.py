"""Serves the page and the events to this machine only, while the trajectories are still being written."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aci_tools.errors import PatchwrightError, UsageError
from trajectories.inspector.collection import Collection
from trajectories.inspector.page import live_page, policy

ADDRESS = "127.0.0.1"
#: Bytes of events in one answer; the page asks again at once while there is more.
_ANSWER = 4_000_000
#: Seconds for which a look at the disk serves every page that asks.
_FRESH = 0.5


#: What a page of somebody else answers, given the header ``Accept``: its content, and what that is.
Page = Callable[[str], tuple[bytes, str]]


class InspectorServer(ThreadingHTTPServer):
    """Answers three questions, all by GET: the page, the list of attempts, and the events of one from a byte on.

    An attempt is named by its identifier and never by a path, so no other file can be asked for. A request must name
    this server as its host, which a page of another site that has its own name resolve to this address cannot.

    Args:
        collection: What to show.
        port: Port; 0 for a free one.
        address: Address of this machine. On one that others reach, only ``pages`` are answered, by whatever name.
        pages: Further pages by path.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        collection: Collection,
        port: int,
        address: str = ADDRESS,
        pages: Mapping[str, Page] = MappingProxyType({}),
    ) -> None:
        self._collection = collection
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        super().__init__((address, port), _Handler)
        self.address, self.pages = address, pages
        self.private = address in (ADDRESS, "localhost")
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self.address}:{self.server_port}/"

    def rows(self) -> list[dict[str, Any]]:
        """The attempts as they are now."""
        with self._lock:
            if time.monotonic() - self._looked > _FRESH:
                self._collection.refresh()
                self._looked = time.monotonic()
            return self._collection.rows()

    def events(self, name: str, start: int) -> tuple[bytes, int]:
        """Whole lines of an attempt's file from a byte on, and the byte where they begin: 0 for a file written anew.

        Raises:
            KeyError: There is no such attempt.
            OSError: Its file is gone.
        """
        with self._lock:
            attempt = self._collection.attempts[name]
        if start > attempt.path.stat().st_size:
            start = 0
        return attempt.lines(start, _ANSWER), start


def serve(collection: Collection, port: int, ready: Callable[[InspectorServer], None]) -> None:
    """Serve until interrupted.

    Args:
        collection: What to show.
        port: Port on 127.0.0.1; 0 for a free one.
        ready: Told once requests are answered.

    Raises:
        UsageError: The port cannot be had.
    """
    try:
        server = InspectorServer(collection, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "not a port"
        raise UsageError(f"cannot listen on port {port}: {reason}; choose another --port") from None
    with server:
        ready(server)
        server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    server: InspectorServer
    protocol_version = "HTTP/1.1"
    server_version = "patchwright"
    sys_version = ""
    timeout = 60

    def do_GET(self) -> None:
        """Answer one of the questions."""
        if self.server.private and self.headers.get("Host") not in self.server.hosts:
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, b"this server answers to its own name only\n")
            return
        if self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            self._answer(HTTPStatus.FORBIDDEN, b"another site asked\n")
            return
        asked = urlsplit(self.path)
        try:
            if page := self.server.pages.get(asked.path):
                self._answer(HTTPStatus.OK, *page(self.headers.get("Accept", "")))
            elif not self.server.private:
                raise KeyError
            elif asked.path == "/":
                self._answer(HTTPStatus.OK, live_page().encode(), "text/html; charset=utf-8")
            elif asked.path == "/attempts":
                self._answer(HTTPStatus.OK, json.dumps(self.server.rows()).encode(), "application/json")
            elif asked.path == "/events":
                self._events(parse_qs(asked.query))
            else:
                raise KeyError
        except (KeyError, ValueError):
            self._answer(HTTPStatus.NOT_FOUND, b"there is no such thing\n")
        except (OSError, PatchwrightError) as error:
            if not isinstance(error, ConnectionError | TimeoutError):
                self._answer(HTTPStatus.GONE, f"{error}\n".encode())

    def _events(self, query: dict[str, list[str]]) -> None:
        start = int(query.get("from", ["0"])[0])
        if start < 0:
            raise ValueError
        lines, first = self.server.events(query["id"][0], start)
        bounds = {"X-First-Byte": str(first), "X-Next-Byte": str(first + len(lines))}
        self._answer(HTTPStatus.OK, lines, "application/x-ndjson", bounds)

    def _answer(
        self, status: HTTPStatus, body: bytes, kind: str = "text/plain", more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy("'self'") + "; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            **more,
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request."""
