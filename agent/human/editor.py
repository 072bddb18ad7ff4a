"""Lets a person change a text in their own editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from aci_tools.errors import UsageError


def edit(text: str) -> str:
    """The text as they leave it.

    Args:
        text: What they begin with.

    Raises:
        UsageError: ``$VISUAL``, ``$EDITOR`` or ``vi`` cannot be started, or failed.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="patchwright-") as place:
        file = Path(place) / "command.sh"
        file.write_text(f"{text}\n", encoding="utf-8", errors="surrogateescape")
        try:
            # Standard output may be a file for the patch; the terminal is on the others.
            code = subprocess.run([*shlex.split(editor), str(file)], stdout=2, check=False).returncode
        except (OSError, ValueError) as error:
            raise UsageError(f"the editor {editor!r} cannot be started ({error}); set EDITOR to another") from None
        if code:
            raise UsageError(f"the editor {editor!r} failed with code {code}; nothing was changed")
        return file.read_text(encoding="utf-8", errors="surrogateescape").removesuffix("\n")
