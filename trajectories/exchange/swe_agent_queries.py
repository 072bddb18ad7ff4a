"""What SWE-agent showed its model at each step, kept without repeating the history in every step.

In a ``.traj`` the ``query`` of a step is the whole history so far, a little edited: files grow with the square of the
number of steps. Here it is what it shares with the step before, ranges of the history, and what differs from both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from trajectories.exchange.foreign import keep, restore
from trajectories.exchange.source import as_list, as_mapping

_KEYS = ("query", "messages")
#: Key of the number of messages that a query shares with that of the step before.
_AGAIN = "again"


class Queries:
    """Packs the queries of an attempt's steps, one after the other.

    Args:
        history: The messages of the attempt.
    """

    def __init__(self, history: Sequence[dict[str, Any]] = ()) -> None:
        self._places = {_key(message): index for index, message in reversed(list(enumerate(history)))}
        self._texts = _texts(history)
        self._before: dict[str, list[str]] = {}

    def pack(self, step: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """The step without its queries, and these packed; ``None`` when there are none."""
        packed = {key: self._pack(key, step[key]) for key in _KEYS if isinstance(step.get(key), list)}
        if not packed:
            return step, None
        return {key: None if key in packed else value for key, value in step.items()}, packed

    def _pack(self, name: str, messages: list[Any]) -> list[Any]:
        keys, before = [_key(message) for message in messages], self._before.get(name, [])
        shared = next(
            (i for i, (a, b) in enumerate(zip(keys, before, strict=False)) if a != b), min(len(keys), len(before))
        )
        self._before[name] = keys
        packed: list[Any] = [{_AGAIN: shared}] if shared else []
        for key, message in zip(keys[shared:], messages[shared:], strict=True):
            place = self._places.get(key)
            if place is None:
                packed.append(keep(message, self._texts_within(message)))
            elif packed and isinstance(packed[-1], list) and packed[-1][1] == place:
                packed[-1][1] = place + 1
            else:
                packed.append([place, place + 1])
        return packed

    def _texts_within(self, message: Any) -> dict[str, str]:
        """Texts of the history that this very message may repeat; a look at all of them would cost too much."""
        body = json.dumps(message)
        return {name: t for name, t in self._texts.items() if len(t) > 40 and json.dumps(t[:40])[1:-1] in body}


class Unpacked:
    """Unpacks the queries of an attempt's steps, one after the other.

    Args:
        history: The messages of the attempt.
    """

    def __init__(self, history: Sequence[Any]) -> None:
        self._history = history
        self._texts = _texts(history)
        self._before: dict[str, list[Any]] = {}

    def unpack(self, packed: Any) -> dict[str, list[Any]]:
        """The queries of a step as they were.

        Raises:
            TrajectoryError: It is not what :class:`Queries` makes.
        """
        for name, entries in as_mapping(packed).items():
            messages: list[Any] = []
            for entry in as_list(entries):
                if isinstance(entry, list) and len(entry) == 2 and all(isinstance(place, int) for place in entry):
                    messages.extend(self._history[max(0, entry[0]) : max(0, entry[1])])
                elif isinstance(entry, dict) and isinstance(entry.get(_AGAIN), int):
                    messages.extend(self._before.get(name, [])[: max(0, entry[_AGAIN])])
                else:
                    messages.append(restore(entry, self._texts))
            self._before[name] = messages
        return {name: self._before[name] for name in as_mapping(packed)}


def _texts(history: Sequence[Any]) -> dict[str, str]:
    contents = ((index, as_mapping(message).get("content")) for index, message in enumerate(history))
    return {f"history.{index}": content for index, content in contents if isinstance(content, str)}


def _key(message: Any) -> str:
    return json.dumps(message, sort_keys=True)
