"""The shipped prompts, as text files beside this one; ``$name`` marks what is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template

from aci_tools.errors import UsageError


def render(kind: str, name: str, values: Mapping[str, object]) -> str:
    """A prompt with its values filled in.

    Args:
        kind: ``system`` or ``task``.
        name: A shipped one by name, or the path of a file.
        values: What ``$name`` marks become; other dollars stay.

    Raises:
        UsageError: There is no such prompt.
    """
    shipped = resources.files(__name__) / f"{kind}-{name}.md"
    source = shipped if shipped.is_file() else Path(name).expanduser()
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = f"{name} is neither a shipped prompt nor a readable file ({error})"
        raise UsageError(f"agent.{kind}_prompt: {what}") from None
    return Template(text).safe_substitute(values).strip() + "\n"
