"""A step as a text to be edited, and back."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from aci_tools.errors import UsageError
from agent.fork.request import ForkRequest
from trajectories.events import Event, Message, ModelReplied, Observed

_HEAD = """\
# A step of an attempt. Change the reply, and it is executed instead; or the observation, and the model sees that.
"""


def document(events: Sequence[Event], step: int) -> str:
    """A step as YAML: ``reply``, ``calls`` where it has native calls, and ``observation``.

    Raises:
        UsageError: There is no such step.
    """
    return _HEAD + yaml.dump(_facts(events, step), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def edited(text: str) -> str:
    """The text as the user leaves it in ``$VISUAL`` or ``$EDITOR``.

    Raises:
        UsageError: The editor cannot be run, or says that it failed.
    """
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "step.yaml"
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
        try:
            done = subprocess.run([*shlex.split(command), str(file)], check=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"--edit: {command} cannot be run ({error}); set EDITOR") from None
        if done.returncode != 0:
            raise UsageError(f"--edit: {command} ended with {done.returncode}; nothing was done")
        return file.read_text(encoding="utf-8")


def changed(request: ForkRequest, events: Sequence[Event], text: str) -> ForkRequest:
    """The request with what differs in an edited text.

    Raises:
        UsageError: It is not of that form any more, or nothing differs.
    """
    before = _facts(events, request.step)
    try:
        after = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--edit: this is not YAML any more ({str(error).splitlines()[0]})") from None
    if not isinstance(after, dict) or after.keys() != before.keys():
        raise UsageError(f"--edit: keep the keys {', '.join(before)}")
    if {**after, "observation": None} != {**before, "observation": None}:
        return replace(request, reply=_reply(_replied(events, request.step), after))
    if after["observation"] != before["observation"]:
        return replace(request, observation=str(after["observation"]))
    raise UsageError("--edit: nothing was changed")


def _replied(events: Sequence[Event], step: int) -> ModelReplied:
    found = next((event for event in events if isinstance(event, ModelReplied) and event.step == step), None)
    if found is None:
        raise UsageError(f"--at {step}: there is no step to edit")
    return found


def _facts(events: Sequence[Event], step: int) -> dict[str, Any]:
    reply = _replied(events, step)
    facts: dict[str, Any] = {"reply": reply.content}
    if reply.tool_calls:
        facts["calls"] = [{"name": call["name"], "arguments": _arguments(call)} for call in reply.tool_calls]
    seen = [event.text for event in events if isinstance(event, Observed) and event.step == step]
    seen += [e.content for e in events if isinstance(e, Message) and e.purpose == "correction" and e.step == step]
    return {**facts, "observation": seen[-1] if seen else ""}


def _arguments(call: dict[str, Any]) -> Any:
    try:
        return json.loads(call["arguments"] or "{}")
    except (ValueError, RecursionError):
        return call["arguments"]


def _reply(reply: ModelReplied, facts: dict[str, Any]) -> ModelReplied:
    calls = []
    given = facts.get("calls") or []
    if not isinstance(given, list) or not all(
        isinstance(call, dict) and {"name", "arguments"} <= call.keys() for call in given
    ):
        raise UsageError("--edit: each of calls has a name and arguments")
    for number, call in enumerate(given):
        known = reply.tool_calls[number]["id"] if number < len(reply.tool_calls) else f"call_fork_{number + 1}"
        arguments = call["arguments"]
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        calls.append({"id": known, "name": str(call["name"]), "arguments": text})
    return reply.model_copy(update={"content": str(facts["reply"]), "tool_calls": calls})


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they stand."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and not any(line != line.rstrip() for line in text.split("\n")) else None
    if any(end in text for end in "\x85\u2028\u2029"):  # line ends to YAML, which it reads as plain ones
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
