"""The ``trace`` tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_tools.tools.base import BAD_ARGUMENT, Field, Observation, Tool, ToolError

if TYPE_CHECKING:
    from aci_tools.session import Session


class Trace(Tool):
    """Run a failing test, or a failing call, and see what a Python function did: the values around each block of it."""

    test: str = Field("", description="The test, as run_tests names it; leave it empty for the first that fails.")
    call: str = Field("", description="Statements to run instead of a test, with the imports that they need.")
    function: str = Field("", description="The function to look at; leave it empty for the one where it goes wrong.")

    def run(self, session: Session) -> Observation:
        """Trace it; the files are left as they are."""
        from aci_tools.tracing import DEADLINE, Subject, trace

        if self.test and self.call:
            raise ToolError("Give a test or a call, not both.", BAD_ARGUMENT)
        subject = Subject(self.test.strip(), self.call.strip())
        found = trace(session, subject, self.function, deadline=min(DEADLINE, session.settings.command_timeout))
        return Observation(found.text, data=found.data)
