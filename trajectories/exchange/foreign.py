"""What a format has and our events do not, kept beside them so that nothing is lost.

A part of a foreign document is kept whole but for the texts that an event holds already: those are *holes* that name
the event's field. Exporting fills them from the events as they are then, so an edited observation is edited in the
exported document too, and no text is stored twice.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trajectories.events import ActionTaken, Event, Message, ModelReplied, Observed
from trajectories.exchange.source import as_mapping
from trajectories.exchange.turns import Turn, turns
from trajectories.log import TrajectoryError

#: A shorter text is only taken out where the importer says which field it is: elsewhere it may be equal by chance.
_SHORTEST = 24
#: A text within a longer one is looked for from this length on.
_SHORTEST_WITHIN = 80


def fields_of(turn: Turn, patch: str) -> dict[str, str]:
    """The texts of a turn's events by name; the number counts events of one type within the turn."""
    fields: dict[str, str] = {}
    count: dict[str, int] = {}

    def put(name: str, text: Any) -> None:
        if isinstance(text, str):
            fields[name] = text

    for event in turn.events:
        number = count[event.type] = count.get(event.type, -1) + 1
        match event:
            case ModelReplied():
                put("reply", event.content)
                put("reasoning", event.reasoning)
                for index, call in enumerate(event.tool_calls):
                    put(f"arguments.{index}", call.get("arguments"))
            case ActionTaken():
                put(f"thought.{number}", event.thought)
                put(f"raw.{number}", raw_of(event))
                for name, argument in event.call.arguments.items():
                    put(f"argument.{number}.{name}", argument)
            case Observed():
                put(f"text.{number}", event.text)
            case Message():
                put(f"content.{number}", event.content)
            case _:
                pass
    put("patch", patch)
    return fields


def raw_of(action: ActionTaken) -> str | None:
    """The action as the foreign agent wrote it."""
    raw = (action.model_extra or {}).get("raw")
    return raw if isinstance(raw, str) else None


def keep(item: Any, fields: Mapping[str, str], direct: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A part of a foreign document, with holes where a field holds the text.

    Args:
        item: The part, JSON.
        fields: Texts by name, as :func:`fields_of` gives them.
        direct: Which field is under which key of the item, whatever the length; used where the two are equal.
    """
    names = {text: name for name, text in reversed(list(fields.items())) if len(text) >= _SHORTEST}
    within = sorted(((t, n) for t, n in names.items() if len(t) >= _SHORTEST_WITHIN), key=lambda pair: -len(pair[0]))
    holes: list[list[Any]] = []

    def hollow(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, str):
            name = direct.get(str(path[0])) if direct and len(path) == 1 else None
            if name is not None and fields.get(name) == value:
                holes.append([list(path), name])
                return None
            if value in names:
                holes.append([list(path), names[value]])
                return None
            for text, name in within:
                before, found, after = value.partition(text)
                if found:
                    holes.append([list(path), name, before, after])
                    return None
            return value
        if isinstance(value, dict):
            return {key: hollow(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [hollow(inner, (*path, index)) for index, inner in enumerate(value)]
        return value

    body = hollow(item, ())
    return {"item": body, "holes": holes} if holes else {"item": body}


def restore(kept: Any, fields: Mapping[str, str]) -> Any:
    """The part as it was, holes filled from the fields; a field that is gone leaves an empty text.

    Raises:
        TrajectoryError: It is not what :func:`keep` makes.
    """
    try:
        item = copy.deepcopy(kept["item"])
        for path, name, *around in kept.get("holes", ()):
            before, after = around or ("", "")
            text = before + fields.get(name, "") + after
            if not path:
                item = text
                continue
            place = item
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = text
        return item
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):
        raise TrajectoryError("what was kept of the imported document is damaged; import it again") from None


def foreign_of(event: Event, format: str) -> dict[str, Any] | None:
    """What an event keeps of a format; ``None`` when it did not come from it."""
    kept = (event.model_extra or {}).get("foreign")
    return kept if isinstance(kept, dict) and kept.get("format") == format else None


def parts(
    events: Sequence[Event], format: str, patch: str
) -> Iterator[tuple[Turn, Event, dict[str, list[Any]] | None, dict[str, str]]]:
    """Every event with its turn, the restored parts that it keeps (``None`` for one that the format never had), and
    the turn's fields."""
    for turn in turns(events):
        fields = fields_of(turn, patch)
        for event in turn.events:
            kept = foreign_of(event, format)
            if kept is None:
                yield turn, event, None, fields
                continue
            lists = as_mapping(kept.get("parts"))
            restored = {k: [restore(v, fields) for v in vs] for k, vs in lists.items() if isinstance(vs, list)}
            yield turn, event, restored, fields
