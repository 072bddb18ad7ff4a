"""The ``bash`` tool."""

from __future__ import annotations

import re
import secrets
import shlex
import signal
from typing import TYPE_CHECKING, ClassVar

from aci_tools.output import clean, clip
from aci_tools.policy.shell import read
from aci_tools.policy.wrappers import program
from aci_tools.tools.base import COMMAND_FAILED, REFUSED, SANDBOX_LOST, TIMEOUT, Field, Observation, Tool, ToolError

if TYPE_CHECKING:
    from aci_tools.session import Session

_NO_OUTPUT = "Your command ran successfully and did not produce any output."
# Programs that wait for a person at a terminal; the last group does so only without an argument.
_WAITS_FOR_KEYS = re.compile(r"vi|vim|nvim|nano|emacs|less|more|top|htop|watch|man|ssh|ftp|screen|tmux")
_FOLLOWS = ("tail -f", "tail -F", "git add -p", "git rebase -i", "git commit -p", "journalctl -f")
_READS_INPUT = re.compile(r"python[\d.]*|ipython|node|irb|cat|psql|mysql|sqlite3|bc|gdb|sh|bash|read")


class Bash(Tool):
    """Run a shell command. `cd` lasts from call to call, variables do not; there is no terminal and no input."""

    edits: ClassVar[bool] = True

    command: str = Field(description="Shell text, one or more lines.", body=True, min_length=1)

    def run(self, session: Session) -> Observation:
        """Run it in the session's directory, which the ``cd`` commands in it change."""
        command = self.command.replace("\0", "")
        if session.policy is not None and (refusal := session.policy.refuse(command)):
            raise ToolError(refusal, REFUSED)
        token = secrets.token_hex(16)
        seconds = session.settings.command_timeout
        prologue = _prologue(session.cwd, token)
        done = session.sandbox.run(f"{prologue}{command}\n", cwd=session.root, timeout=seconds)
        # The shell's word of a syntax error quotes the whole line.
        output = done.output.replace(prologue.encode("utf-8", "surrogateescape"), b"")
        output, notes = _take_directory(output, session, token)
        text = clip(clean(output).strip("\n"), session.settings.max_output, done.dropped)
        if done.end == "timeout":
            notes.append(f"The command was stopped after {seconds:g} seconds. {_advice(command)}")
        elif done.end == "lost":
            notes.append("The command could not finish. Do not run it again as it is.")
        elif done.exit_code:
            notes.append(f"[exit code {done.exit_code}{_signal(done.exit_code)}]")
        if done.note:
            notes.append(done.note)
        if not text.strip():
            text = _NO_OUTPUT if done.ok else "The command did not produce any output."
        code = {"timeout": TIMEOUT, "lost": SANDBOX_LOST}.get(done.end, "" if done.ok else COMMAND_FAILED)
        data = {"exit_code": done.exit_code, "end": done.end, "cwd": session.cwd}
        return Observation("\n".join([text, *notes]), ok=done.ok, code=code, data=data)


def _prologue(directory: str, token: str) -> str:
    """What goes to the directory before a command and has the last one printed at exit.

    It stands before the command, not around it, so that an unclosed quote there harms nothing but itself, and on the
    same line, so that the shell's messages count lines as the agent does. Standard output is kept aside as descriptor
    9, because the command may redirect its own (``exec > log``).
    """
    report = f'[ -d "$PWD" ] && printf "\\n{token}%s{token}\\n" "$PWD" >&9 || printf "\\n{token}{token}\\n" >&9'
    return (
        f"cd {shlex.quote(directory)} 2>/dev/null || printf '{token}\\n'; "
        f"exec 9>&1; trap '{{ set +x; }} 2>/dev/null; {report}' EXIT; "
    )


def _take_directory(output: bytes, session: Session, token: str) -> tuple[bytes, list[str]]:
    """Take the marks of the prologue out of the output, and move the session to where the command ended."""
    mark = token.encode()
    notes: list[str] = []
    if output.startswith(mark + b"\n"):
        output = output[len(mark) + 1 :]
        notes.append(f"{session.cwd} does not exist any more, so this ran in {session.root}.")
        session.cwd = session.root
    # Not a regular expression: with another token in each, they would fill the cache of those.
    before, begun, rest = output.partition(b"\n" + mark)
    name, closed, after = rest.partition(mark + b"\n")
    if not (begun and closed):
        return output, notes
    output = before + after
    directory = name.decode("utf-8", "surrogateescape")
    if directory:
        session.cwd = directory
    else:
        session.cwd = session.root
        notes.append(f"The working directory was removed; the next command runs in {session.root}.")
    return output, notes


def _signal(code: int) -> str:
    try:
        return f": {signal.Signals(code - 128).name}" if code > 128 else ""
    except ValueError:
        return ""


def _advice(command: str) -> str:
    """What to try instead of a command that did not end."""
    for words in (found.words for found in read(command).commands):
        name = program(words[0])
        started = " ".join([name, *words[1:3]])
        follows = next((start for start in _FOLLOWS if started.startswith(start)), "")
        if _WAITS_FOR_KEYS.fullmatch(name) or follows or (_READS_INPUT.fullmatch(name) and len(words) == 1):
            return f"`{follows or name}` waits for someone at a terminal, and there is none."
    return "Run something smaller, or see whether it waits for something that never comes."
