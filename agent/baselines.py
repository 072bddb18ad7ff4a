"""What tests come to before any change, found out once for every attempt on the same image.

The outcome of a run in a sandbox that someone has worked in says nothing of another, whatever git says of its files: a
package may have been installed, a cache filled. So what is shared is only ever found out in a sandbox that was opened
for it, from the very image that the asking one was opened from, with the same variables, limits and network; and it is
kept under the engine's own id of that image, which changes with any of its files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox import Sandbox, open_sandbox
from aci_tools.testing import TestPlan, TestReport, run_plan
from agent.computer import computer_settings
from agent.config import Config
from tasks.known import Known

_FORMAT = 1
_REPORT = TypeAdapter(TestReport)


class Baselines:
    """Facts about the code as it was. Threads and processes share what they find.

    Args:
        known: Where they are kept.
        sandbox: The sandbox that asks; it is not used.
        base: The commit that its repository started from.
    """

    def __init__(self, known: Known, sandbox: Sandbox, base: str) -> None:
        self._known, self._sandbox = known, sandbox
        spec = sandbox.spec
        self._origin = {
            "format": _FORMAT,
            "image": sandbox.origin,
            "base": base,
            "workdir": spec.workdir,
            "env": dict(spec.env),
            "startup": spec.startup,
            "network": [spec.network, *spec.allow_hosts],
            "limits": asdict(spec.limits),
        }

    @classmethod
    def of(cls, config: Config, sandbox: Sandbox, base: str) -> Baselines | None:
        """Those of a sandbox; ``None`` where no image holds all that it started with.

        Args:
            config: Says where things are kept.
            sandbox: A sandbox.
            base: The commit that its repository started from.
        """
        if not sandbox.origin:
            return None
        return cls(Known(computer_settings(config).cache_directory / "baselines"), sandbox, base)

    def report(self, plan: TestPlan, target: str, timeout: float) -> TestReport | None:
        """The outcome of tests; ``None`` where it cannot be had so.

        Args:
            plan: How they are run.
            target: Which; "" is all of them.
            timeout: Seconds until the run is ended; what has not come to its own end is not kept.
        """

        def run(fresh: Sandbox) -> tuple[dict[str, Any], bool]:
            report = run_plan(fresh, plan, target, timeout)
            return _REPORT.dump_python(report, mode="json"), report.complete

        found = self.once({"run": [plan.command, plan.parser, plan.cwd, target]}, run)
        return None if found is None else _REPORT.validate_python(found)

    def once(
        self, what: dict[str, Any], find: Callable[[Sandbox], tuple[dict[str, Any], bool]]
    ) -> dict[str, Any] | None:
        """A fact; ``None`` where no sandbox could be opened to find it out.

        Args:
            what: All that it depends on beyond the image, as JSON has it.
            find: Finds it out in a fresh sandbox, and says whether others may rely on it.
        """
        found: dict[str, Any] | None = None

        def look() -> dict[str, Any] | None:
            nonlocal found
            with contextlib.closing(open_sandbox(self._sandbox.kind, self._sandbox.spec)) as fresh:
                if fresh.origin != self._sandbox.origin:  # the image's name means another one now
                    return None
                found, lasting = find(fresh)
            return found if lasting else None

        try:
            return self._known.once({**self._origin, **what}, look) or found
        except InfrastructureError:
            return None
