"""What a replay says on a terminal or in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from agent.progress import first_line, short_call
from agent.replay.entries import Entry
from agent.replay.player import Player, Result
from agent.replay.run import Replayed
from agent.replay.tree import TreeReplayed

_WORDS = {"equal": "=", "chance": "~", "different": "≠", "not_run": "-"}
_HELP = "Enter: next, c: go on without stopping, q: quit"
_WITH_SANDBOX = "; b COMMAND: a shell command in the sandbox"
_MOST = 60  # lines of a diff


def headline(entry: Entry) -> str:
    """An action on one line."""
    return f"step {entry.step}: {short_call(entry.action.call)}"


def print_result(result: Result, stream: TextIO) -> None:
    """One line an action."""
    reason = f"  ({result.reason})" if result.reason else ""
    print(f"{result.entry.step:4} {_WORDS[result.kind]} {short_call(result.entry.action.call)}{reason}", file=stream)


def print_replayed(replayed: Replayed) -> None:
    """The first divergence as a diff, and a line that sums up."""
    first = replayed.divergence
    if first is not None:
        print(f"first divergence at {headline(first.entry)}")
        if first.reason:
            print(f"({first.reason})")
        _print_diff(first.diff)
        print()
    elif replayed.patch == "different":
        print("the patch is another one")
        _print_diff(replayed.patch_diff)
        print()
    print(summary(replayed))


def print_tree(replayed: TreeReplayed) -> None:
    """What the replay of each trial showed, under its name."""
    for name, each in replayed.trials.items():
        print(f"trial {name}")
        print_replayed(each)


def summary(replayed: Replayed) -> str:
    """One line: actions, equal, different, the patch."""
    found = replayed.counts
    parts = [f"{len(replayed.results)} actions: {found['equal']} equal"]
    parts += [f"{found['chance']} equal but for chance"] if found["chance"] else []
    parts += [f"{found['different']} different"]
    parts += [f"{found['not_run']} not executed"] if found["not_run"] else []
    patch = {"equal": "equal", "chance": "equal but for chance", "different": "different"}
    said = patch[replayed.patch] if replayed.patch is not None else "not reached"
    return f"{', '.join(parts)}; patch: {said}"


def print_recorded(entry: Entry, stream: TextIO) -> None:
    """A recorded action and what came of it, for walking through without a sandbox."""
    if entry.action.thought:
        print(f"     {first_line(entry.action.thought, 160)}", file=stream)
    print(f"{entry.step:4} {short_call(entry.action.call)}", file=stream)
    if entry.observed is not None:
        print(f"     {'→' if entry.observed.ok else '✗'} {first_line(entry.observed.text, 160)}", file=stream)


class Stepper:
    """Asks on standard error before every action, and reads the answer from standard input; its end is ``q``.

    Args:
        show: Shows the action that comes next.
    """

    def __init__(self, show: Callable[[Entry], None]) -> None:
        self._show = show
        self._free = False
        self._told = False

    def __call__(self, entry: Entry, player: Player | None = None) -> bool:
        """Whether to go on."""
        if self._free:
            return True
        help = _HELP + (_WITH_SANDBOX if player is not None else "")
        if not self._told:
            print(help, file=sys.stderr)
            self._told = True
        self._show(entry)
        while True:
            print("> ", end="", file=sys.stderr, flush=True)
            line = sys.stdin.readline()
            word, _, rest = line.strip().partition(" ")
            if not line or word == "q":
                return False
            if word in ("", "n"):
                return True
            if word == "c":
                self._free = True
                return True
            if word == "b" and rest and player is not None:
                player.disturb()
                done = player.session.sandbox.run(rest, cwd=player.session.cwd, timeout=300)
                print(done.text.rstrip("\n"), file=sys.stderr)
            else:
                print(help, file=sys.stderr)


def _print_diff(diff: str) -> None:
    lines = diff.split("\n") if diff else []
    for line in lines[:_MOST]:
        print(_coloured(line) if sys.stdout.isatty() else line)
    if len(lines) > _MOST:
        print(f"[{len(lines) - _MOST} more lines; --json has them all]")


def _coloured(line: str) -> str:
    colour = {"+": "32", "-": "31", "@": "36"}.get(line[:1])
    return f"\x1b[{colour}m{line}\x1b[0m" if colour else line
