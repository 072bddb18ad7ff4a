"""A tool is one class: its fields are the arguments, its docstring the documentation, its ``run`` the behaviour.

Everything else about a tool (JSON schema, usage line, grammar, manual) is derived from that one definition; see
:mod:`aci_tools.tools.describe`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic import Field as _Field

if TYPE_CHECKING:
    from aci_tools.session import Session

#: Codes of observations that are not ``ok``; statistics and the loop read them, a model never sees them.
BAD_ARGUMENT = "bad-argument"
NOT_FOUND = "not-found"
AMBIGUOUS = "ambiguous"
NO_CHANGE = "no-change"
GUARD_REFUSED = "guard-refused"
COMMAND_FAILED = "command-failed"
TESTS_FAILED = "tests-failed"
TIMEOUT = "timeout"
SANDBOX_LOST = "sandbox-lost"
INEFFECTIVE = "ineffective"
WITHDRAWN = "withdrawn"
REFUSED = "refused"
BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Observation:
    """What the agent is told after an action.

    Attributes:
        text: What the model reads; never empty.
        ok: Whether the tool did what was asked (a search without a hit is ok; a command that fails is not).
        code: Why not, one of the constants of this module; ``""`` when ok.
        data: Facts for the trajectory and for statistics, JSON values only: ``path``, ``lines``, ``counts`` and so on.
        done: Whether the agent submitted: the attempt ends.
    """

    text: str
    ok: bool = True
    code: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    done: bool = False


def Field(
    default: Any = ..., *, description: str, body: bool = False, begins: tuple[str, ...] = (), **rules: Any
) -> Any:
    """Declare an argument of a tool.

    Args:
        default: Its default; leave it out for a required argument.
        description: One sentence for the model.
        body: The argument is text of several lines. Text formats write it below the command line; two bodies are
            written as the two halves of a search-and-replace block.
        begins: How the first line of a body begins, for grammars; any way when empty.
        rules: Passed to pydantic (``ge``, ``pattern``, …).
    """
    extra: dict[str, Any] | None = {"body": True, "begins": list(begins)} if body else None
    return _Field(default, description=description, json_schema_extra=extra, **rules)


class Tool(BaseModel):
    """Base class of every tool; an instance is one call with its arguments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Whether the tool may change files; after such a call it is looked whether any did.
    edits: ClassVar[bool] = False
    #: A call as text formats write it, where its form is easily mistaken; the manual shows it.
    example: ClassVar[str] = ""

    @classmethod
    def tool_name(cls) -> str:
        """The name a model uses: the class name in snake case."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    def run(self, session: Session) -> Observation:
        """Do it.

        Args:
            session: The computer and what the agent has open on it.

        Raises:
            ToolError: The call cannot be done as asked; becomes an observation that is not ok.
            SandboxError: The sandbox is lost for good.
        """
        raise NotImplementedError


class ToolError(Exception):
    """A call that cannot be done as asked.

    Args:
        text: What the model reads: what is wrong and what to do instead.
        code: One of the codes above.
        data: As in :class:`Observation`.
    """

    def __init__(self, text: str, code: str = BAD_ARGUMENT, **data: Any) -> None:
        super().__init__(text)
        self.text, self.code, self.data = text, code, data

    def observation(self) -> Observation:
        """The error as the model meets it."""
        return Observation(self.text, ok=False, code=self.code, data=self.data)
