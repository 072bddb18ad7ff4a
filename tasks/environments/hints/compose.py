"""A compose file, read as data: which services the project expects, and which of them is the project itself."""

from __future__ import annotations

from typing import Any

from tasks.environments.hints.model import Hints, language_of_image


def read(document: dict[str, Any], path: str) -> Hints:
    """What a compose file says of the project's needs.

    Args:
        document: Its content.
        path: Where it is, for the user.
    """
    hints = Hints()
    services = document.get("services")
    others = []
    for name, service in (services if isinstance(services, dict) else {}).items():
        if not isinstance(service, dict) or "build" in service:
            continue
        image = str(service.get("image", ""))
        if found := language_of_image(image):
            hints.versions.setdefault(*found)
            hints.says(f"{path} runs {name} on {image}")
        else:
            others.append(str(name)[:40])
    if others:
        hints.notes.append(f"services of {path} are not started: {', '.join(others[:8])}")
    return hints
