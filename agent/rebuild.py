"""Brings a fresh computer to where a recorded attempt left it: by doing again what was done, checked by its patches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from aci_tools.errors import SandboxError
from aci_tools.patch import path_in_header
from aci_tools.session import Session
from aci_tools.tools.base import REFUSED, Observation
from aci_tools.tools.describe import CallError, build
from agent.formats.base import Tools
from trajectories.events import ActionTaken, AttemptStarted, Call, Event, Message, Observed, PatchChanged, Resumed
from trajectories.redact import MASK, Redactor

#: Code of the observation of an action that was not run, because a part of it is not recorded.
NOT_KEPT = "not-kept"

#: Tools that change neither files nor the session, but for what they remember and find out again when it is needed
#: (``run_tests``: the outcome before any edit; ``trace``: how tests are run).
_TRACELESS = frozenset({"find_file", "search_dir", "search_file", "run_tests", "trace"})

_PATCH = ".git/patchwright-patch"
# A throw-away index that knows every file that git would take into a patch lets read-tree remove the new ones.
_RESET = f"""
index="$(git rev-parse --git-dir)/patchwright-index"
rm -f "$index"
[ -f "$(git rev-parse --git-dir)/index" ] && cp -p "$(git rev-parse --git-dir)/index" "$index"
export GIT_INDEX_FILE="$index" GIT_OPTIONAL_LOCKS=0
plain="-c core.fsmonitor=false -c core.autocrlf=false -c core.safecrlf=false -c core.hooksPath=/dev/null"
git $plain add -A . 2>/dev/null
git $plain read-tree -u --reset "$PATCHWRIGHT_BASE" && {{
    [ ! -s {_PATCH} ] || git $plain apply --whitespace=nowarn {_PATCH}
}}
status=$?
rm -f "$index" {_PATCH}
exit $status
"""
_SECTION = re.compile(r"^(?=diff --git )", re.MULTILINE)


@dataclass(slots=True)
class Rebuilt:
    """What it took.

    Attributes:
        actions: Actions that were executed again.
        corrected: Whether the files had to be set right by a recorded patch.
        lost: Files that could not be, because what looks like a secret in them is not recorded.
    """

    actions: int = 0
    corrected: bool = False
    lost: list[str] = field(default_factory=list)


def rebuild(session: Session, events: Iterable[Event], tools: Tools, redactor: Redactor) -> Rebuilt:
    """Execute every finished action again, in order, through the same tools.

    After an action that changed files the patch is compared with the recorded one. Where it differs (a command that
    does not do the same twice, or one that was not executed because it holds a mask), the recorded one is put in place.

    Args:
        session: On a computer as it was before the first action.
        events: The recorded events.
        tools: The tools of the attempt.
        redactor: The one through which the patches were recorded.

    Raises:
        SandboxError: The computer was lost, or a recorded patch does not fit it.
    """
    rebuilt = Rebuilt()
    policy, session.policy = session.policy, None  # what ran then runs again, what was refused does not
    action: ActionTaken | None = None
    expected = ""
    settled = True
    for event in events:
        if isinstance(event, AttemptStarted):
            expected = event.initial_patch
        elif isinstance(event, ActionTaken):
            action = event
        elif isinstance(event, Observed) and action is not None:
            rebuilt.actions += event.code != REFUSED and _again(session, action.call, tools)
            action, settled = None, not event.changed
        elif isinstance(event, PatchChanged):
            expected, settled = event.patch, True
            set_right(session, expected, redactor, rebuilt)
    # The patch of an action that was followed by a kill at once is not recorded: what was done again stands.
    if settled:
        set_right(session, expected, redactor, rebuilt)
    session.policy = policy
    return rebuilt


def not_kept(call: Call) -> Observation | None:
    """What an agent is told instead of running a recorded action whose secrets are masked; ``None`` for any other."""
    if not masked(call):
        return None
    text = (
        "This was not run: the program was stopped before it could be, and what looks like a secret in it was not "
        "kept. If it is still needed, do it again."
    )
    return Observation(text, ok=False, code=NOT_KEPT)


def remark_on_lost(resumed: Resumed) -> Message:
    """What an agent is told about files that are not as it left them."""
    files = ", ".join(resumed.lost)
    text = (
        "The program was stopped and started again. Something that looks like a secret in these files was not kept, so "
        f"they may not be as you left them: {files}. Look at them, and make the edits that are missing again."
    )
    return Message(role="user", purpose="remark", content=text, code="lost-files", step=resumed.steps)


def _again(session: Session, call: Call, tools: Tools) -> bool:
    """Whether it was executed."""
    if call.name in _TRACELESS or masked(call):
        return False
    try:
        tool = build(call.name, call.arguments, tools)
    except CallError:
        return False
    session.execute(tool)
    return True


def masked(call: Call) -> bool:
    """Whether a part of a recorded action is not there, because it looks like a secret."""
    return MASK in json.dumps(call.arguments)


def set_right(session: Session, recorded: str, redactor: Redactor, rebuilt: Rebuilt) -> None:
    """See that the files are as the recorded patch says; else make them so, as far as it can be known."""
    rebuilt.lost = []
    there = redactor.text(session.patch_so_far or "")
    if there == recorded:
        return
    wanted, found = _sections(recorded), _sections(there)
    # A mask must not get into a file: the files of these sections stay as the actions left them.
    masked = [path for path, section in wanted.items() if MASK in section]
    kept = {path: _content(session, path) for path in masked}
    _reset(session, "".join(section for path, section in wanted.items() if path not in kept))
    for path, content in kept.items():
        if content is not None:
            session.sandbox.write(f"{session.root}/{path}", content)
    session.patch()
    rebuilt.corrected = True
    rebuilt.lost = [path for path in masked if wanted[path] != found.get(path)]


def _reset(session: Session, patch: str) -> None:
    sandbox = session.sandbox
    sandbox.write(f"{session.root}/{_PATCH}", patch.encode("utf-8", "surrogateescape"))
    done = sandbox.run(_RESET, cwd=session.root, env={"PATCHWRIGHT_BASE": session.base}, timeout=120)
    if not done.ok:
        said = done.text.strip()[-300:] or done.end
        raise SandboxError(f"the recorded patch does not fit the files that it was made for: {said}")


def _content(session: Session, path: str) -> bytes | None:
    try:
        return session.sandbox.read(f"{session.root}/{path}")
    except OSError:
        return None


def _sections(patch: str) -> dict[str, str]:
    """The parts of a patch by the path of their file."""
    return {path_in_header(section.partition("\n")[0]): section for section in _SECTION.split(patch) if section}
