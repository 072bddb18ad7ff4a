"""What SWE-agent showed its model at each step, kept without repeating the history in every step.

In a ``.traj`` the ``query`` of a step is the whole history so far, a little edited: files grow with the square of the
number of steps. Here it is a list of ranges of the history, and only what differs is kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from trajectories.exchange.foreign import keep, restore
from trajectories.exchange.source import as_list, as_mapping

_KEYS = ("query", "messages")


class Queries:
    """Packs queries against one history.

    Args:
        history: The messages of the attempt.
    """

    def __init__(self, history: Sequence[dict[str, Any]] = ()) -> None:
        self._places = {_key(message): index for index, message in reversed(list(enumerate(history)))}
        self._texts = {
            f"history.{index}": message["content"]
            for index, message in enumerate(history)
            if isinstance(message.get("content"), str)
        }

    def pack(self, step: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The step without its queries, and these packed; ``None`` when there are none."""
        packed = {key: self._pack(step[key]) for key in _KEYS if isinstance(step.get(key), list)}
        if not packed:
            return step, None
        return {key: None if key in packed else value for key, value in step.items()}, packed

    def _pack(self, messages: list[Any]) -> list[Any]:
        packed: list[Any] = []
        for message in messages:
            place = self._places.get(_key(message))
            if place is None:
                packed.append(_keep_exact(message, self._texts))
            elif packed and isinstance(packed[-1], list) and packed[-1][1] == place:
                packed[-1][1] = place + 1
            else:
                packed.append([place, place + 1])
        return packed


def unpack(packed: Any, history: Sequence[Any]) -> dict[str, list[Any]]:
    """The queries as they were, given the history."""
    texts = {
        f"history.{i}": m["content"] for i, m in enumerate(history) if isinstance(as_mapping(m).get("content"), str)
    }
    found: dict[str, list[Any]] = {}
    for key, entries in as_mapping(packed).items():
        messages: list[Any] = []
        for entry in as_list(entries):
            if isinstance(entry, list) and len(entry) == 2 and all(isinstance(place, int) for place in entry):
                messages.extend(history[max(0, entry[0]) : max(0, entry[1])])
            else:
                messages.append(restore(entry, texts))
        found[key] = messages
    return found


def _keep_exact(message: Any, texts: dict[str, str]) -> dict[str, Any]:
    """Only texts that this very message could repeat are looked for: a step would else cost as much as the history."""
    body = json.dumps(message)
    likely = {name: text for name, text in texts.items() if len(text) > 40 and json.dumps(text)[1:40] in body}
    return keep(message, likely)


def _key(message: Any) -> str:
    return json.dumps(message, sort_keys=True)
