"""How every edit lands: refused if it changes nothing or breaks the file, else written, checked and shown."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aci_tools.checks import MOST_UNDONE, check_edit
from aci_tools.text import Document, is_binary
from aci_tools.tools.base import GUARD_REFUSED, INEFFECTIVE, NO_CHANGE, Observation, ToolError
from aci_tools.tools.window import around, show

if TYPE_CHECKING:
    from aci_tools.session import Session

_VOTES = 20
_COMPARED = 5000
_SMALL = 4000
_WIDEST = 200
# Bytes of a file that is shown and edited as text. One of short lines takes twenty times as much memory.
_LARGEST = 16_000_000


def document(session: Session, path: str) -> Document:
    """The lines of a text file.

    Raises:
        ToolError: There is no such file, or it is binary or too large.
    """
    data = session.read(path, _LARGEST)
    if is_binary(data):
        raise ToolError(
            f"{path} is a binary file of {len(data):,} bytes; it cannot be viewed or edited as text.", path=path
        )
    return Document.parse(data)


def land(
    session: Session,
    path: str,
    after: Document,
    what: str = "",
    *,
    before: Document | None,
    note: str = "",
    region: tuple[int, int] | None = None,
    meant: Iterable[Document] = (),
) -> Observation:
    """Land an edit.

    Args:
        session: Where.
        path: The file, relative to the repository.
        after: The file as it is to be.
        what: What was done, in words, for the first line of the observation.
        before: The file as it is; ``None`` for a new one.
        note: What else the agent should know about what was done, in sentences.
        region: First and last line of ``after`` to show; by default all that changed.
        meant: The file with the edit otherwise indented. The first that the guard lets through stands for an edit that
            it refuses, and the agent is told.
    """
    old = before.data if before is not None else None

    def faults(edited: Document) -> list[Any]:
        return session.guard.refuse(path, old, edited.data) if session.guard is not None and edited.data != old else []

    introduced = faults(after)
    if introduced and session.settings.fit_indentation:
        fitting = next((other for other in meant if not faults(other)), None)
        if fitting is not None:
            after, introduced, note = fitting, [], f"{note} The new lines were indented to fit the file.".lstrip()
    if old == after.data:
        text = f"Not edited: this leaves {path} exactly as it is. Write what is to be different."
        return Observation(text, ok=False, code=NO_CHANGE, data={"path": path})
    first, last = region or changed_lines(before, after)
    if introduced:
        return _refused(session, path, before, after, introduced, note)
    session.write(path, after.data)
    session.open_path, session.first_line = path, max(1, first - session.settings.window // 2)
    checked = check_edit(session)
    data: dict[str, Any] = {"path": path, "lines": [first, last], **checked.data}
    may_undo = session.settings.take_back and session.undone < MOST_UNDONE
    if may_undo and (against := checked.against or _failed_before(session)):
        session.undone += 1
        session.undo()
        said = f" {note}" if note else ""
        text = f"Taken back, because {against}. {path} is as it was before this edit.{said}\n\n{checked.text}".rstrip()
        return Observation(text, ok=False, code=INEFFECTIVE, data={**data, "taken_back": True})
    session.undone = 0
    shown = show(path, after, *around(first, last, session.settings.window))
    parts = [f"Edited {path}{': ' + what if what else ''}.{' ' + note if note else ''}", shown]
    if checked.text:
        verdict = (
            f"But {checked.against}."
            if checked.against
            else "Nothing that was checked speaks against this edit. If it is complete, submit."
        )
        parts += ["", checked.text, "", verdict]
    if session.settings.submit_when_solved and (checked.solved or not checked.text):
        found = "What was wrong is now as the issue asks, and nothing" if checked.text else "Nothing"
        parts = [*parts[: 4 if checked.text else 2], f"{found} speaks against this edit: submitted."]
        return Observation("\n".join(parts), data=data, done=True)
    return Observation("\n".join(parts), data=data)


def _failed_before(session: Session) -> str:
    """What speaks against the files as they are, where an earlier trial ended with them and failed."""
    if not session.failed_patches or session.patch() not in session.failed_patches:
        return ""
    return "an earlier attempt ended with just this change, and it failed"


def replaced(path: str, before: Document, first: int, last: int, lines: Sequence[str]) -> Document:
    """The file with lines ``first`` to ``last`` replaced, see :meth:`Document.splice`.

    Raises:
        ToolError: The file's encoding lacks a character of the new lines.
    """
    for line in lines:
        encoded(path, before, line)
    return before.splice(first, last, lines)


def encoded(path: str, before: Document, text: str) -> bytes:
    """A piece of text in the file's encoding.

    Raises:
        ToolError: The encoding lacks one of its characters.
    """
    try:
        return before.encode(text)
    except UnicodeEncodeError as error:
        lacking = text[error.start : error.start + 1]
        raise ToolError(
            f"{path} is encoded in {before.encoding}, which lacks the character {lacking!r}. Nothing was changed.",
            path=path,
        ) from None


def changed_lines(before: Document | None, after: Document) -> tuple[int, int]:
    """First and last line of the new file that the edit touched, from 1."""
    old, new = list(before.lines) if before is not None else [], list(after.lines)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start + 1, max(start + 1, len(new) - end)


def _refused(
    session: Session, path: str, before: Document | None, after: Document, introduced: list[Any], note: str
) -> Observation:
    """Show the errors, the file as it would be, the file as it is, and that nothing was changed."""
    first, last = changed_lines(before, after)
    marks = frozenset(d.line for d in introduced)
    errors = "\n".join(f"- {d}" for d in introduced[:5])
    more = f"\n- and {len(introduced) - 5} more" if len(introduced) > 5 else ""
    window = min(session.settings.window, 40)
    low, high = around(first, last, window)
    if introduced and not low <= introduced[0].line <= high:  # the edit breaks what stands elsewhere
        low, high = around(introduced[0].line, introduced[0].line, window)
    parts = [
        f"Not edited: the edit would introduce {'an error' if len(introduced) == 1 else 'errors'} in {path}:",
        errors + more,
        "",
        "As it would have been:",
        show(path, after, low, high, marks),
    ]
    if before is not None:
        parts += ["", "As it is:", show(path, before, *around(*changed_lines(after, before), window))]
    parts += ["", *([note] if note else []), f"Nothing was changed. Correct the edit of {path} and make it again."]
    diagnostics = [{"line": d.line, "column": d.column, "code": d.code, "message": d.message} for d in introduced]
    return Observation("\n".join(parts), ok=False, code=GUARD_REFUSED, data={"path": path, "errors": diagnostics})


def nearest(document: Document, lines: Sequence[str]) -> tuple[int, float]:
    """Where in a file a block of lines stands most nearly, and how near it is (0 to 1).

    Candidates come from lines that occur in both, white space aside; else from the line most like the longest one.
    """
    texts = [text.strip() for text in document.texts()]
    wanted = [line.strip() for line in lines]
    votes: Counter[int] = Counter()
    where: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        where.setdefault(text, []).append(index)
    for offset, line in enumerate(wanted):
        for index in where.get(line, [])[:_VOTES] if line else []:
            votes[max(0, index - offset)] += len(line)
    starts = [start for start, _ in sorted(votes.items(), key=lambda vote: (-vote[1], vote[0]))[:8]]
    if not starts and texts:
        offset = max(range(len(wanted)), key=lambda i: len(wanted[i]))
        near = difflib.get_close_matches(wanted[offset], dict.fromkeys(texts[:_COMPARED]), n=3, cutoff=0.4)
        starts = [max(0, where[text][0] - offset) for text in near]
    best, score = 1, 0.0
    for start in starts:
        ratio = _likeness(texts[start : start + len(wanted)], wanted)
        if ratio > score:
            best, score = start + 1, ratio
    return best, score


def _likeness(there: Sequence[str], wanted: Sequence[str]) -> float:
    """How much two blocks of lines are alike, 0 to 1.

    Small blocks are compared by characters, which for large ones would take minutes: in those equal lines count first,
    then the lines between them pair by pair.
    """
    text, block = "\n".join(there), "\n".join(wanted)
    if len(text) + len(block) <= _SMALL:
        return _alike(text, block)
    same = 0.0
    for tag, i, j, k, m in difflib.SequenceMatcher(None, there, wanted).get_opcodes():
        for a, b in zip(there[i:j], wanted[k:m], strict=False):
            same += (len(a) + len(b) + 2) * (1.0 if tag == "equal" else _alike(a[:_WIDEST], b[:_WIDEST]))
    return same / (len(text) + len(block) + 2)


def _alike(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()
