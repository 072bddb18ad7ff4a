"""The tools of the agent-computer interface. A new one is a class, added to the list below."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from aci_tools.errors import UsageError
from aci_tools.tools.base import Field, Observation, Tool, ToolError
from aci_tools.tools.bash import Bash
from aci_tools.tools.create_undo import Create, Undo
from aci_tools.tools.edit_definitions import Rewrite
from aci_tools.tools.edit_function import RewriteFunction
from aci_tools.tools.edit_lines import Edit, Insert
from aci_tools.tools.edit_one_line import ReplaceLine
from aci_tools.tools.edit_replace import Replace
from aci_tools.tools.run_tests import RunTests
from aci_tools.tools.search import FindFile, SearchDir, SearchFile
from aci_tools.tools.submit import Submit
from aci_tools.tools.trace import Trace
from aci_tools.tools.view import Goto, Open, ScrollDown, ScrollUp

__all__ = ["TOOLS", "Field", "Observation", "Tool", "ToolError", "toolset"]

_ALL: tuple[type[Tool], ...] = (
    Open, Goto, ScrollUp, ScrollDown,
    FindFile, SearchDir, SearchFile,
    Edit, Replace, RewriteFunction, Rewrite, ReplaceLine, Insert, Create, Undo,
    Bash, RunTests, Trace, Submit,
)  # fmt: skip

#: Every tool by its name.
TOOLS: dict[str, type[Tool]] = {tool.tool_name(): tool for tool in _ALL}


def toolset(names: Iterable[str]) -> list[type[Tool]]:
    """The tools of these names, in this order.

    Raises:
        UsageError: There is no tool of a name; the nearest one is named.
    """
    chosen = []
    for name in names:
        if name not in TOOLS:
            near = difflib.get_close_matches(name, TOOLS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(TOOLS)}"
            raise UsageError(f"agent.tools: no tool is called {name}; {hint}")
        chosen.append(TOOLS[name])
    return chosen
