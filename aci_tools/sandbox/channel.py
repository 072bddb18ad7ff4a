"""The one way in which commands reach a sandbox: a long-lived shell that reads scripts from its standard input.

A script is one compound command, so the shell has read all of it before any of it runs: a command cannot swallow what
comes after it. Its last act is to print an end frame: a token that the driver made up for this call, the exit code and
the number of processes that are still there. The token stands in no variable, argument or environment that the command
sees. Nothing in a frame depends on line ends, so output is kept byte for byte.
"""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from aci_tools.sandbox.excerpt import Excerpt

# Bash reads its scripts in a loop, each ended by a NUL byte, so that line numbers in its messages start anew with every
# command. With job control on, each command is a process group, and `kill 0` ends it and not the channel.
_BASH_LOOP = r"""exec 2>/dev/null; set -m; printf B; while IFS= read -r -d "" REPLY; do eval "$REPLY"; done"""
_BOOT = f"""if command -v bash >/dev/null 2>&1; then exec bash -c {shlex.quote(_BASH_LOOP)} bash; fi
exec 2>/dev/null; printf S; exec sh"""

#: The arguments that start a channel's shell: bash where there is one, else sh.
BOOT_ARGV = ["sh", "-c", _BOOT]

#: Shell text that appends one positional parameter for each process of the pid namespace, without a fork.
COUNT_NAMESPACE = 'set -- "$1" /proc/[0-9]*'
#: The same for the shell's own children, on a machine whose other processes are not the sandbox's.
COUNT_CHILDREN = 'read -r REPLY </proc/$$/task/$$/children; set -- "$1" $REPLY; unset REPLY'

_WATCH_AFTER = 1.0
_WATCH_EVERY = 2.0
_FRAME_TAIL = re.compile(rb" (-?\d+) (\d+)\n")


class Transport(Protocol):
    """A pair of byte streams to a shell."""

    def send(self, data: bytes, deadline: float) -> None:
        """Send all bytes, or stop early when the other side takes no more and has something to say, or is gone.

        Raises:
            TimeoutError: It did neither until ``deadline`` (a time.monotonic() value).
        """

    def receive(self, timeout: float) -> bytes | None:
        """The next bytes; ``b""`` at the end of the stream, ``None`` when nothing came within ``timeout`` seconds."""

    def close(self) -> None:
        """Let go of both streams. Safe to call twice."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call. ``code`` and ``processes`` mean something only when ``end`` is ``"done"``."""

    output: bytes
    dropped: int
    end: Literal["done", "deadline", "lost", "disk"]
    code: int = -1
    processes: int = 0


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes for the script's standard input, sent once it has printed ``ready``."""

    ready: str
    data: bytes


def new_token() -> str:
    """A word that no one can guess."""
    return f"<{secrets.token_hex(16)}>"


class Channel:
    """A shell at the other end of a transport.

    Args:
        transport: To a process started with :data:`BOOT_ARGV`.
        count: How processes are counted: :data:`COUNT_NAMESPACE` or :data:`COUNT_CHILDREN`.
        patience: Seconds to wait for the shell's greeting.

    Raises:
        ConnectionError: No shell answered.
    """

    def __init__(self, transport: Transport, count: str, patience: float = 20.0) -> None:
        self._transport = transport
        self._count = count
        greeting = transport.receive(patience)
        if not greeting:
            transport.close()
            raise ConnectionError("no shell answered")
        self._bash = greeting.startswith(b"B")

    @property
    def intact(self) -> bool:
        """Whether the shell still waits for a script, as far as can be seen without asking it."""
        return self._transport.receive(0) is None

    def quote(self, text: str) -> str:
        """Shell text for one word, on a single line for bash: the lines of what it evaluates then count from one."""
        if self._bash and "\n" in text:
            text = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
            return f"$'{text}'"
        return shlex.quote(text)

    def close(self) -> None:
        """Let go of the shell; it ends by itself when it reads the end of its input."""
        self._transport.close()

    def call(
        self,
        body: str,
        *,
        deadline: float,
        limit: int | None = None,
        here: bool = False,
        payload: Payload | None = None,
        too_much: Callable[[], bool] | None = None,
    ) -> Reply:
        """Run a script and wait for its end frame.

        Args:
            body: Shell text, complete in itself.
            deadline: When to stop waiting (a time.monotonic() value). The caller then has to end what runs.
            limit: Bytes of output to keep; ``None`` for all.
            here: Run in the channel's shell itself instead of a subshell.
            payload: What the script reads. If it then fails, other than with exit code 60 to 69 *before* it read
                anything, the shell exits, since what is left of the payload must not be taken for a script.
            too_much: Asked every two seconds whether the command must be stopped.
        """
        token = new_token()
        opening, closing = ("{", "\n}") if here else ("(", "\n)")
        stdin = "" if payload else "</dev/null "
        after = 'case "$1" in 0|6?) ;; *) exit;; esac; ' if payload else ""
        script = (
            f"{{ unset REPLY; {opening} {body}{closing} {stdin}2>&1; "
            f'set -- "$?"; {self._count}; printf "%s %d %d\\n" "{token}" "$1" "$(($# - 1))"; {after}set --; }}'
        )
        excerpt = Excerpt(limit)
        try:
            self._transport.send(_encode(script) + (b"\0" if self._bash else b"\n"), deadline)
            return self._await(token.encode(), excerpt, deadline, payload, too_much)
        except TimeoutError:
            return _reply(excerpt, "deadline")

    def _await(
        self,
        token: bytes,
        excerpt: Excerpt,
        deadline: float,
        payload: Payload | None,
        too_much: Callable[[], bool] | None,
    ) -> Reply:
        waiting_for = payload.ready.encode() if payload else token
        next_watch = time.monotonic() + _WATCH_AFTER
        held = b""
        while True:
            now = time.monotonic()
            if now >= deadline:
                excerpt.add(held)
                return _reply(excerpt, "deadline")
            if too_much is not None and now >= next_watch:
                if too_much():
                    excerpt.add(held)
                    return _reply(excerpt, "disk")
                next_watch = time.monotonic() + _WATCH_EVERY
            chunk = self._transport.receive(min(deadline, next_watch) - now)
            if chunk is None:
                continue
            if not chunk:
                excerpt.add(held)
                return _reply(excerpt, "lost")
            held += chunk
            if payload is not None and (at := held.find(waiting_for)) >= 0:
                held = held[:at] + held[at + len(waiting_for) :]
                waiting_for, data, payload = token, payload.data, None
                self._transport.send(data, deadline)
            # A script with a payload may end before it is ready for it.
            if (at := held.find(token)) >= 0:
                if frame := _FRAME_TAIL.match(held, at + len(token)):
                    excerpt.add(held[:at])
                    return _reply(excerpt, "done", int(frame[1]), int(frame[2]))
                excerpt.add(held[:at])
                held = held[at:]
            else:
                keep = max(len(token), len(waiting_for)) - 1
                excerpt.add(held[:-keep])
                held = held[-keep:]


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _reply(
    excerpt: Excerpt, end: Literal["done", "deadline", "lost", "disk"], code: int = -1, processes: int = 0
) -> Reply:
    output, dropped = excerpt.render()
    return Reply(output, dropped, end, code, processes)
