"""``rewrite``: new versions of functions and classes as one piece of code; each goes where the old one is."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from aci_tools.definitions import find_definitions, parse_python
from aci_tools.text import Document, split_lines
from aci_tools.tools.base import NOT_FOUND, Field, Observation, Tool, ToolError
from aci_tools.tools.edit_function import Rewritten, candidates, left_out_note, places, rewritten
from aci_tools.tools.edit_lines import refuse_line_numbers
from aci_tools.tools.landing import document, land
from aci_tools.tools.new_code import imported

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
        path, known = _place(session, names, self.code)
        before = after = document(session, path)
        notes: list[str] = []
        parts: list[Rewritten] = []
        for name in known:
            definitions = find_definitions(path, after)
            done = rewritten(
                path, after, definitions, candidates(definitions, name, path), self.code, keep_documentation=True
            )
            after = done.after
            notes += [note for note in done.notes if note not in notes]
            parts.append(done)
        notes += filter(None, [left_out_note(_left_out(parts, before), "only functions and classes are rewritten")])
        region = parts[0].region if len(parts) == 1 else None
        return land(
            session, path, after, f"{', '.join(known)} rewritten", before=before, note=" ".join(notes), region=region
        )


def _left_out(parts: Sequence[Rewritten], before: Document) -> list[str]:
    """The statements that went nowhere and do not stand in the file as they are in the code."""
    there = "\n".join(["", *before.texts(), ""])
    return [
        statement
        for statement in parts[0].left_out
        if all(statement in part.left_out for part in parts) and f"\n{statement}\n" not in there
    ]


def _names(code: str) -> list[str]:
    """What a piece of code defines at its top, in order; of code with an error in it, the first name."""
    tree = parse_python(code)
    if tree is None:
        return [found[1]] if (found := _HEAD.search(code)) else []
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return list(dict.fromkeys(node.name for node in tree.body if isinstance(node, kinds)))


def _place(session: Session, names: list[str], code: str) -> tuple[str, list[str]]:
    """The file that has most of the names, and which of them; the open file goes first among equals.

    Raises:
        ToolError: No file has any, or another file has some that are no new helpers in this one.
    """
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
    file = parse_python(document(session, most).source())
    bound = imported(file) if file is not None else set()
    for path, there in having.items():
        for name in there:
            if name not in having[most] and (name in bound or not _serves(name, code)):
                raise ToolError(
                    f"Not edited: {name} is defined in {path}, and {', '.join(having[most])} in {most}. "
                    "Rewrite the definitions of one file at a time."
                )
    return most, having[most]


def _serves(name: str, code: str) -> bool:
    """Whether something that a piece of code defines is used by the rest of it."""
    tree = parse_python(code)
    rest = [node for node in tree.body if getattr(node, "name", "") != name] if tree is not None else []
    return any(
        (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node.value) in ("self", "cls"))
        for statement in rest
        for node in ast.walk(statement)
    )
