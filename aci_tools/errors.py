"""The errors that are meant for a user: one family, one line each, saying what to do."""

from __future__ import annotations


class PatchwrightError(Exception):
    """A fault with a message meant for a user. The command line prints it without a traceback.

    Args:
        message: One line: what is wrong and what to do about it.
    """

    exit_code = 1


class UsageError(PatchwrightError):
    """The input or the configuration is wrong; nothing was changed (exit code 2)."""

    exit_code = 2


class InfrastructureError(PatchwrightError):
    """The network, the provider or the container engine failed; the same call may succeed later (exit code 3)."""

    exit_code = 3


class SandboxError(InfrastructureError):
    """A sandbox could not be started, or was lost and could not be rebuilt."""


class PatchError(SandboxError):
    """git could not make the patch of the files as they are; the sandbox itself works."""
