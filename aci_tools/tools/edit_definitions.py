"""``rewrite``: new versions of functions and classes as one piece of code; each goes where the old one is."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from aci_tools.definitions import find_definitions, parse_python
from aci_tools.text import split_lines
from aci_tools.tools.base import NOT_FOUND, Field, Observation, Tool, ToolError
from aci_tools.tools.edit_function import candidates, places, rewritten
from aci_tools.tools.edit_lines import refuse_line_numbers
from aci_tools.tools.landing import document, land

if TYPE_CHECKING:
    from aci_tools.session import Session

_HEAD = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


class Rewrite(Tool):
    """Replace functions, methods or classes by new versions. Documentation that they leave out stays."""

    edits: ClassVar[bool] = True

    code: str = Field(
        description="The whole new definitions, imports that they need before them.",
        body=True,
    )

    def run(self, session: Session) -> Observation:
        """Find the file that has the definitions, and replace all of them in one edit."""
        refuse_line_numbers(split_lines(self.code))
        names = _names(self.code)
        if not names:
            raise ToolError("The code defines no function or class. Write the whole definition, from its def line.")
        path, known = _place(session, names)
        before = after = document(session, path)
        notes: list[str] = []
        regions: list[tuple[int, int]] = []
        for name in known:
            definitions = find_definitions(path, after)
            done = rewritten(
                path, after, definitions, candidates(definitions, name, path), self.code, keep_documentation=True
            )
            after = done.after
            notes += [note for note in done.notes if not note.startswith("Left out") and note not in notes]
            regions.append(done.region)
        region = regions[0] if len(regions) == 1 else None
        return land(
            session, path, after, f"{', '.join(known)} rewritten", before=before, note=" ".join(notes), region=region
        )


def _names(code: str) -> list[str]:
    """What a piece of code defines at its top, in order; of code with an error in it, the first name."""
    tree = parse_python(code)
    if tree is None:
        return [found[1]] if (found := _HEAD.search(code)) else []
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return list(dict.fromkeys(node.name for node in tree.body if isinstance(node, kinds)))


def _place(session: Session, names: list[str]) -> tuple[str, list[str]]:
    """The file that has most of the names, and which of them; the open file goes first among equals."""
    having: dict[str, list[str]] = {}
    for name in names:
        for path in dict.fromkeys(path for path, _ in places(session, name)):
            having.setdefault(path, []).append(name)
    if not having:
        listed = ", ".join(names[:5])
        raise ToolError(
            f"No Python file of the repository defines {listed}. Rewrite a definition that is there.", NOT_FOUND
        )
    most = max(having, key=lambda path: (len(having[path]), path == session.open_path, -len(path)))
    return most, having[most]
