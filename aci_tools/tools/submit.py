"""The ``submit`` tool."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aci_tools.errors import PatchError
from aci_tools.output import clean, clip
from aci_tools.patch import path_in_header
from aci_tools.text import printable
from aci_tools.tools.base import Observation, Tool

if TYPE_CHECKING:
    from aci_tools.session import Session

_SHOWN = 12_000
_FILE = re.compile(r"^diff --git .*$", re.M)
_NEW_FILE = re.compile(r"^(diff --git .*)\nnew file mode", re.M)
_BINARY = re.compile(r"^GIT binary patch\n(?:.+\n|\n(?!diff ))*", re.M)


class Submit(Tool):
    """Submit your changes and end the work."""

    def run(self, session: Session) -> Observation:
        """End the attempt; where the profile asks for a review, the first call shows the diff instead."""
        try:
            patch, missing = session.patch(), ""
        except PatchError as error:
            patch, missing = session.patch_so_far or "", f" What came after the last patch is not in it: {error}."
        files = _names(_FILE.findall(patch))
        data = {
            "files": files,
            "added": len(re.findall(r"^\+(?!\+\+ )", patch, re.M)),
            "removed": len(re.findall(r"^-(?!-- )", patch, re.M)),
        }
        if session.settings.review_submit and session.reviewed is None:
            session.reviewed = patch
            return Observation((_review(patch) if patch else _NOTHING) + missing, data=data)
        if not patch:
            return Observation(f"Submitted without any change.{missing}", data=data, done=True)
        return Observation(f"Submitted changes to {', '.join(files)}.{missing}", data=data, done=True)


_NOTHING = (
    "Nothing has been changed yet, so there is nothing to submit. Edit the code to solve the task, then submit. "
    "If no change is needed, submit again."
)


def _names(headers: Iterable[str]) -> list[str]:
    return [printable(path_in_header(header)) for header in headers]


def _review(patch: str) -> str:
    shown = clean(_BINARY.sub("(binary data)\n", patch).encode("utf-8", "surrogateescape"))
    advice = [
        "Check the diff, then submit again to finish.",
        "- If the tests have not passed since the last edit, run them.",
    ]
    if new := _names(_NEW_FILE.findall(patch)):
        advice.append(f"- New: {', '.join(new[:10])}. Remove what is not part of the solution (scripts, notes).")
    advice.append("- If something is missing or does not belong here, mend it first.")
    return "\n".join(["This is what you are about to submit:", "", clip(shown, _SHOWN).rstrip(), "", *advice])
