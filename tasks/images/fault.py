"""What can be wrong with a build: the task's own fault, or the network's."""

from __future__ import annotations

import re
from pathlib import Path

from aci_tools.errors import InfrastructureError, PatchwrightError

#: What pip, git, apt and curl say when it was the network.
_NETWORK = re.compile(
    r"temporary failure in name resolution|could not resolve|name or service not known"
    r"|connection (?:refused|reset|timed out|aborted)"
    r"|failed to establish a new connection|read timed out|network is unreachable|no route to host|remote end closed"
    r"|incompleteread|tls handshake|max retries exceeded|connectionerror|readtimeouterror|protocolerror"
    r"|http error (?:429|5\d\d)|returned error: (?:429|5\d\d)|(?:429|5\d\d) (?:server|client) error",
    re.IGNORECASE,
)
_SHOWN = 12  # lines


class BrokenImage(PatchwrightError):
    """A task's environment cannot be made as the task says; another try would fail too (exit code 2).

    Args:
        message: What failed, with the end of the build's log.
        log: The whole log.
    """

    exit_code = 2

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


def build_failure(what: str, log: Path) -> BrokenImage | InfrastructureError:
    """The error that a failed build's log speaks of.

    Args:
        what: What was built.
        log: The log of its commands.
    """
    lines = log.read_text("utf-8", "replace").splitlines()
    tail = [line for line in lines if line.strip()][-_SHOWN:]
    # The end decides: a download that worked at its second try is no fault.
    telling = next((line for line in reversed(lines[-60:]) if _NETWORK.search(line)), None)
    if telling is not None:
        return InfrastructureError(f"{what}: the network failed: {telling.strip()[:300]} (log: {log})")
    return BrokenImage("\n".join([f"{what} cannot be built (log: {log})", *(f"  {line}" for line in tail)]), log)
