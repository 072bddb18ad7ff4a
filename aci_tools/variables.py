"""Which environment variables there can be."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check_variables(variables: Mapping[str, str]) -> None:
    """See that every shell takes them.

    Raises:
        ValueError: One cannot be; the message names it.
    """
    for name, value in variables.items():
        if not _NAME.match(name) or "\0" in value:
            raise ValueError(
                f"{name!r} is no environment variable: letters, digits and _ make a name, and NUL no value"
            )
