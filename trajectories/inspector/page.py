"""Puts the page together: one HTML file with its style, its program and its data, and a policy that allows no more."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import zlib
from functools import cache
from importlib.resources import files
from typing import Any

from trajectories.inspector.collection import Collection

STYLES = ("base.css", "list.css", "trajectory.css", "ansi.css")
#: In the order in which they build on each other; they share one scope.
PROGRAMS = (
    "dom.js",
    "format.js",
    "ansi.js",
    "diff.js",
    "model.js",
    "data.js",
    "richtext.js",
    "call.js",
    "course.js",
    "step.js",
    "nested.js",
    "strip.js",
    "patch.js",
    "search.js",
    "forks.js",
    "list.js",
    "about.js",
    "trajectory.js",
    "app.js",
)
#: Trajectories larger than this are compressed, which makes them about eight times smaller.
_COMPRESS_FROM = 4_000


def static_page(collection: Collection) -> str:
    """The whole page as one file: it opens from a disk, asks for nothing, and shows the attempts as they are now."""
    blocks = [_data_block("attempts", {"mode": "file", "attempts": collection.rows()})]
    for place, attempt in enumerate(collection.attempts.values()):
        lines = attempt.lines()[: attempt.size].decode("utf-8", "replace")
        blocks.append(_data_block(f"events-{place}", _packed(lines)))
    return _page("\n".join(blocks), connect="'none'")


def live_page() -> str:
    """The page that asks its own server for the attempts, and for what is added to them."""
    return _page(_data_block("attempts", {"mode": "serve"}), connect="'self'")


def policy(connect: str) -> str:
    """The content security policy: our own style and program by their digests, no other source of anything.

    Trusted types are required and none can be made, so the program could not turn data into markup if it tried.
    """
    style, program = _assets()
    rules = {
        "default-src": "'none'",
        "script-src": _digest(program),
        "style-src": _digest(style),
        "img-src": "data:",
        "connect-src": connect,
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _page(data: str, connect: str) -> str:
    style, program = _assets()
    parts = {"policy": html.escape(policy(connect)), "style": style, "program": program, "data": data}
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _file("index.html"))


@cache
def _assets() -> tuple[str, str]:
    """The style and the program; the program's files see each other and nothing sees them."""
    style = "\n".join(map(_file, STYLES))
    program = '(() => {\n"use strict";\n' + "\n".join(map(_file, PROGRAMS)) + "\n})();\n"
    return style, program


def _file(name: str) -> str:
    return (files("trajectories.inspector") / "page" / name).read_text("utf-8")


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _data_block(name: str, data: Any) -> str:
    """Data that is not run; without a ``<``, nothing in it can end the block."""
    return f'<script type="application/json" id="{name}">{_json(data)}</script>'


def _json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _packed(lines: str) -> dict[str, str]:
    if len(lines) < _COMPRESS_FROM:
        return {"lines": lines}
    squeeze = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    raw = squeeze.compress(lines.encode()) + squeeze.flush()
    return {"deflate": base64.b64encode(raw).decode()}
