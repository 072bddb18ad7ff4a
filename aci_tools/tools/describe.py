"""Everything that is derived from a tool's definition, in one place for those who use it."""

from aci_tools.tools.calls import CallError, build, parse_command
from aci_tools.tools.documentation import Tools, body_fields, json_schema, manual, usage
from aci_tools.tools.grammar import grammar

__all__ = ["CallError", "Tools", "body_fields", "build", "grammar", "json_schema", "manual", "parse_command", "usage"]
