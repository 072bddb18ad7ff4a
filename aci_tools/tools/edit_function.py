"""``rewrite_function``: one whole function, class or method written anew, found by its name."""

from __future__ import annotations

import ast
import difflib
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

from aci_tools.definitions import Definition, find_definitions, first_line, parse_python
from aci_tools.occurrences import count_occurrences
from aci_tools.syntax import lines_inside_strings
from aci_tools.text import Document, split_lines
from aci_tools.tools.base import AMBIGUOUS, NOT_FOUND, Field, Observation, Tool, ToolError
from aci_tools.tools.edit_lines import refuse_line_numbers
from aci_tools.tools.indentation import indentation
from aci_tools.tools.landing import document, land, replaced
from aci_tools.tools.new_code import fitted, missing_imports, read_code

if TYPE_CHECKING:
    from aci_tools.session import Session

_PYTHON = (".py", ".pyi", ".pyw")
_LISTED = 8
_SEARCHED = 200


class RewriteFunction(Tool):
    """Replace one whole function, method or class by a new version. The rest of the file stays as it is."""

    edits: ClassVar[bool] = True

    path: str | None = Field(None, description="The file that has it, relative to the repository.")
    name: str = Field(description="Its name, such as parse or Reader.parse.", min_length=1)
    code: str = Field(
        description="The whole new definition, from its def or class line.",
        body=True,
        begins=("def ", "class ", "async def ", "@"),
    )

    def run(self, session: Session) -> Observation:
        """Find it by the syntax tree, replace it, keep everything else byte for byte."""
        name = self.name.strip().removesuffix("()").replace("::", ".")
        refuse_line_numbers(split_lines(self.code))
        path = session.relative(self.path) if self.path else path_of(session, _bare(name))
        try:
            before = document(session, path)
        except ToolError as error:
            places = _elsewhere(session, name, path) if error.code == NOT_FOUND else ""
            raise ToolError(error.text + places, error.code, path=path) from None
        definitions = find_definitions(path, before)
        meant = _meant(definitions, name, path, self.code)
        if not meant:
            raise _unknown(session, path, name, definitions)
        if path.endswith(_PYTHON):
            return _rewrite_python(session, path, before, definitions, meant, self.code)
        return _rewrite_other(session, path, before, _only(meant, name, path), self.code)


def _rewrite_python(
    session: Session,
    path: str,
    before: Document,
    definitions: Sequence[Definition],
    candidates: Sequence[Definition],
    code: str,
) -> Observation:
    done = rewritten(path, before, definitions, candidates, code)
    what = f"{done.name} rewritten"
    notes = [*done.notes, left_out_note(done.left_out, f"it is not part of {done.name.rpartition('.')[2]}")]
    return land(session, path, done.after, what, before=before, note=" ".join(filter(None, notes)), region=done.region)


def left_out_note(statements: Sequence[str], why: str) -> str:
    """Says that statements of the code were left out, ``""`` where there are none."""
    listed = ", ".join(f"`{statement.partition(chr(10))[0].strip()[:60]}`" for statement in statements[:5])
    return f"Left out of the code, because {why}: {listed}." if statements else ""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file with one definition replaced.

    Attributes:
        name: Its qualified name.
        after: The file.
        region: First and last line of the definition in it.
        notes: What else was done, in sentences.
        left_out: Statements of the code that were left out.
    """

    name: str
    after: Document
    region: tuple[int, int]
    notes: list[str]
    left_out: list[str]


def rewritten(
    path: str,
    before: Document,
    definitions: Sequence[Definition],
    candidates: Sequence[Definition],
    code: str,
    *,
    keep_documentation: bool = False,
) -> Rewritten:
    """Put the new version of a definition into a Python file.

    Args:
        path: The file.
        before: The file as it is.
        definitions: Its definitions.
        candidates: Those that are meant; several only where they differ by their decorators.
        code: The new version.
        keep_documentation: Whether what the new version leaves out of a function's documentation stays.

    Raises:
        ToolError: The code is no such definition.
    """
    name = candidates[0].name
    parent = candidates[0].parent
    new = read_code(code, name, {d.short_name for d in definitions if d.parent == parent})
    # Of a property's getter and setter, the decorators say which is meant.
    alike = [d for d in candidates if d.decorators == new.decorators and not new.body_only]
    old = _only(alike or candidates, name, path)
    first, lines = old.first, fitted(new, old, before)
    if new.body_only:
        if old.kind == "class" or old.body <= old.line:
            raise ToolError(f"The code must be the whole definition of {old.short_name}, from its def or class line.")
        first = old.body
    elif not new.given_decorators:
        lines[new.start : new.start] = before.texts(old.first, old.line - 1)
    after = replaced(path, before, first, old.last, lines)
    kept = False
    if keep_documentation:
        after, kept = _with_documentation(path, before, after, old, first)
    notes = ["The signature was kept: the code was taken for the body."] if new.body_only else []
    notes += ["Its documentation was kept."] if kept else []
    imports, line = missing_imports(new, before)
    if imports:
        after = replaced(path, after, line + 1, line, imports)
        notes.append(f"Its imports went to the top of the file: {'; '.join(imports)}.")
    region = (old.first + len(imports), old.last + len(after) - len(before))
    return Rewritten(old.name, after, region, notes, new.left_out)


def _with_documentation(
    path: str, before: Document, after: Document, old: Definition, first: int
) -> tuple[Document, bool]:
    """The file with a function's documentation as it was, where the new version only leaves out some of it, or all.

    Where it only adds lines, they are added to what was there.
    """
    was, now = _function(before, old.short_name, old.line), _function(after, old.short_name, first)
    if was is None or now is None or (there := _documentation(was)) is None:
        return after, False
    start, known = first_line(now.body[0]), _documentation(now)
    said = known[2] if known is not None else []
    adds = len(said) > len(there[2]) and _within(there[2], said)
    if not adds and not set(said) <= set(there[2]):
        return after, False
    lines = [before.text(number) for number in range(there[0], there[1] + 1)]
    indented = now.body[0].col_offset == was.body[0].col_offset
    if not indented or was.body[0].lineno == was.lineno or start == now.lineno:
        return after, False
    last = known[1] if known is not None else start - 1
    if adds:
        written = [after.text(number) for number in range(start, last + 1)]
        if not _within([line.strip() for line in lines if line.strip()], [line.strip() for line in written]):
            return after, False  # such as a line that ends with the quotes no more
        lines = _with_additions(lines, written)
    return replaced(path, after, start, last, lines), not adds and said != there[2]


def _within(lines: Sequence[str], others: Sequence[str]) -> bool:
    """Whether lines are among others, in their order."""
    rest = iter(others)
    return all(line in rest for line in lines)


def _with_additions(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    """Lines with those that others have beside them; blank lines are where they were."""
    rest = [line for line in others if line.strip()]
    made: list[str] = []
    blank: list[str] = []
    for line in lines:
        if not line.strip():
            blank.append(line)
            continue
        while rest and rest[0].strip() != line.strip():
            made.append(rest.pop(0))
        del rest[:1]
        made += [*blank, line]
        blank = []
    return made + rest


def _function(file: Document, name: str, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The first function of a name from a line on."""
    tree = parse_python(file.source())
    nodes = ast.walk(tree) if tree is not None else ()
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    found = [node for node in nodes if isinstance(node, kinds) and node.name == name and node.lineno >= line]
    return min(found, key=lambda node: node.lineno, default=None)


def _documentation(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int, list[str]] | None:
    """First and last line of a function's documentation, and what its lines say."""
    first = function.body[0]
    text = ast.get_docstring(function)
    if text is None:
        return None
    said = [line.strip() for line in text.split("\n") if line.strip()]
    return first.lineno, first.end_lineno or first.lineno, said


def _rewrite_other(session: Session, path: str, before: Document, old: Definition, code: str) -> Observation:
    given = re.sub(r"\A(?:[ \t]*\n)+|\s+\Z", "", "\n".join(split_lines(code))).split("\n")
    if not re.search(rf"(?<!\w){re.escape(old.short_name)}(?!\w)", "\n".join(given)):
        raise ToolError(
            f"The code must be the whole definition of {old.short_name}, and does not name it. Nothing was changed."
        )
    lines = _indented(path, before, old, given)
    after = replaced(path, before, old.first, old.last, lines)
    region = range(old.first, old.first + len(lines))
    new = next((d for d in find_definitions(path, after) if d.name == old.name and d.first in region), old)
    _export(lines, new.first - old.first, new.line - old.first, before.text(old.first))
    first, lines = _with_what_is_ahead(before, old, new, lines)
    after = replaced(path, before, first, old.last, lines)
    return land(session, path, after, f"{old.name} rewritten", before=before)


def _indented(path: str, before: Document, old: Definition, given: Sequence[str]) -> list[str]:
    """The lines of a definition of another language as the file has it; lines inside strings keep their blanks."""
    base, there = indentation(given[0]), indentation(before.text(old.first))
    lines = [there + line.removeprefix(base) if line.startswith(base) else line for line in given]
    lines = [line if line.strip() else "" for line in lines]
    after = replaced(path, before, old.first, old.last, lines)
    for number in lines_inside_strings(path, after.source().encode("utf-8")):
        if old.first <= number < old.first + len(given):
            lines[number - old.first] = given[number - old.first]
    return lines


def _export(lines: list[str], start: int, head: int, old: str) -> None:
    """Export what stands from one line on, with its name in another, if the old first line does and it does not."""
    exported = re.match(r"\s*(export\s+(?:default\s+)?)", old)
    if exported and not any(line.lstrip().startswith("export") for line in lines[start : head + 1]):
        lines[start] = indentation(lines[start]) + exported[1] + lines[start].lstrip()


def _with_what_is_ahead(
    before: Document, old: Definition, new: Definition, lines: Sequence[str]
) -> tuple[int, list[str]]:
    """The first line to replace, and the new lines with those comments or attributes of the old that they lack."""
    given = [part for part in new.ahead if part[0] >= old.first]
    kinds = {kind for _, _, kind in given}
    kept = [before.texts(first, last) for first, last, kind in reversed(old.ahead) if kind not in kinds]
    start = min([new.first, *(first for first, _, _ in given)]) - old.first
    first = min([old.first, *(first for first, _, _ in old.ahead)])
    return first, [*lines[:start], *(line for part in kept for line in part), *lines[start:]]


def candidates(definitions: Sequence[Definition], name: str, path: str) -> list[Definition]:
    """The definitions that a name means: by its qualified name, else by the end of it; ``name:line`` names one.

    The module may stand in front of either (``reader.parse`` in ``reader.py``).

    Args:
        definitions: Those of a file.
        name: As said.
        path: The file.
    """
    wanted, _, line = name.partition(":")
    module = PurePosixPath(path).with_suffix("").parts
    prefixes = (".".join(module[start:]) + "." for start in range(len(module)))
    for said in (wanted, *(wanted.removeprefix(prefix) for prefix in prefixes)):
        found = [d for d in definitions if d.name == said] or [d for d in definitions if d.name.endswith(f".{said}")]
        if found:
            return [d for d in found if line.strip() in ("", str(d.line))]
    return []


def _meant(definitions: Sequence[Definition], name: str, path: str, code: str) -> list[Definition]:
    """The definitions that a name means, as it is or as models write it.

    That is with more behind it (see :func:`_bare`); with something behind a function that is not in it
    (``parse.text``), where the code is that function.
    """
    bare = _bare(name)
    for said in (name, bare):
        if found := candidates(definitions, said, path):
            return found
    defined = re.findall(r"^(?:async +)?def +(\w+)", textwrap.dedent(code), re.MULTILINE)
    if len(defined) != 1 or defined[0] not in bare.split(".")[:-1]:
        return []
    return [d for d in candidates(definitions, defined[0], path) if d.kind == "function"]


def _bare(name: str) -> str:
    """A name without its parameters or what else prompts show behind it: ``parse(text)``, ``parse, lines 2 to 7``."""
    return re.split(r"[(,\s]", name)[0]


def _only(candidates: Sequence[Definition], name: str, path: str) -> Definition:
    if len(candidates) == 1:
        return candidates[0]
    places = ", ".join(f"{d.name}:{d.line}" for d in candidates[:_LISTED])
    text = f"Not edited: {path} has {len(candidates)} definitions of {name}. Name one of them with its line: {places}."
    raise ToolError(text, AMBIGUOUS, path=path)


def _unknown(session: Session, path: str, name: str, definitions: Sequence[Definition]) -> ToolError:
    names = list(dict.fromkeys(d.name for d in definitions))
    by_short = {d.short_name: d.name for d in reversed(definitions)}
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    near += [by_short[s] for s in difflib.get_close_matches(name.rpartition(".")[2], list(by_short), n=3, cutoff=0.6)]
    text = f"Not edited: {path} has no function or class {name}."
    places = _elsewhere(session, name, path)
    if near:
        text += f" Did you mean {' or '.join(list(dict.fromkeys(near))[:3])}?"
    elif names and not places:
        text += f" It has: {', '.join(names[:20])}" + (f" and {len(names) - 20} more." if len(names) > 20 else ".")
    elif not names:
        text += " No function or class could be found in it at all."
    return ToolError(text + places, NOT_FOUND, path=path)


def path_of(session: Session, name: str) -> str:
    """The one file that defines a name; the open file goes first."""
    if session.open_path is not None and session.exists(session.open_path):
        opened = document(session, session.open_path)
        if candidates(find_definitions(session.open_path, opened), name, session.open_path):
            return session.open_path
    found = places(session, name)
    paths = list(dict.fromkeys(path for path, _ in found))
    if len(paths) == 1:
        return paths[0]
    if not paths:
        raise ToolError(f"No Python file defines {name}. Search for it, and give the path.", NOT_FOUND)
    listed = ", ".join(f"{path}:{d.line}" for path, d in found[:_LISTED])
    raise ToolError(f"{name} is defined in {len(paths)} files: {listed}. Give the path.", AMBIGUOUS)


def _elsewhere(session: Session, name: str, path: str) -> str:
    bare = _bare(name)
    found = [(other, d) for other, d in places(session, bare) if other != path]
    if not found:
        return ""
    return f" {bare} is defined in {', '.join(f'{other} (line {d.line})' for other, d in found[:3])}."


def places(session: Session, name: str) -> list[tuple[str, Definition]]:
    """Where the repository's Python files define a name, at most two hundred files being read."""
    short = name.partition(":")[0].rpartition(".")[2]
    counts = {**count_occurrences(session, f"def {short}", "."), **count_occurrences(session, f"class {short}", ".")}
    paths = [path for path in sorted(counts) if path.endswith(_PYTHON)]
    return [
        (path, found)
        for path in paths[:_SEARCHED]
        for found in candidates(find_definitions(path, document(session, path)), name, path)
    ]
