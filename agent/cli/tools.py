"""``agent tools``: the documentation of the agent-computer interface."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated

import typer

from agent.cli.options import Json


def tools(
    names: Annotated[list[str] | None, typer.Argument(help="Only these tools.", metavar="[NAME]...")] = None,
    json: Json = False,
) -> None:
    """Show the tools that an agent has, and how it calls them."""
    from aci_tools.tools import TOOLS, toolset
    from aci_tools.tools.describe import json_schema, manual

    chosen = toolset(names or list(TOOLS))
    print(jsonlib.dumps([json_schema(tool) for tool in chosen], indent=2) if json else manual(chosen))
