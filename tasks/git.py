"""Runs git so that neither a foreign repository nor the caller's environment can make it do more than was asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aci_tools.errors import InfrastructureError

#: Wins over every configuration file, a hostile repository's too: nothing that one names is executed.
_CONFIG = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.logAllRefUpdates": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.autocrlf": "false",
    "core.attributesFile": os.devnull,
    "commit.gpgSign": "false",
    "credential.interactive": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
    "maintenance.auto": "false",
    "safe.directory": "*",
    "submodule.recurse": "false",
}
#: How the user reaches private repositories; needed for the network only.
_CREDENTIALS = ("GIT_ASKPASS", "GIT_CONFIG_", "GIT_HTTP_", "GIT_PROXY_", "GIT_SSH", "GIT_SSL_")


class GitError(InfrastructureError):
    """A git command failed.

    Attributes:
        stderr: What git said.
    """

    def __init__(self, command: str, stderr: str) -> None:
        self.stderr = stderr
        super().__init__(f"git {command} failed: {last_line(stderr)}")


def last_line(stderr: str) -> str:
    """The line of git's errors that says most: the last ``fatal:`` or ``error:`` one, without that word."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    return telling[-1].removeprefix("fatal: ").removeprefix("error: ") if telling else "git said nothing"


def quoted(path: Path) -> str:
    """A path as ``GIT_ALTERNATE_OBJECT_DIRECTORIES`` takes it, whatever characters it has."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class Git:
    """Git commands in one directory.

    Attributes:
        cwd: Where they run.
        env: Variables beside the hardened environment, such as ``GIT_INDEX_FILE``.
        config: Configuration beside the hardened one.
        network: Whether remotes may be reached. Only then are the user's own configuration and credentials in force;
            never use it where the repository of ``cwd`` is somebody else's.
        timeout: Seconds that one command may take.
    """

    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    timeout: float = 3600.0

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a git command, whatever its exit code.

        Raises:
            InfrastructureError: git is not installed, or took longer than the timeout.
        """
        program = shutil.which("git")
        if program is None:
            raise InfrastructureError("git is not installed: install it with the system's package manager")
        options = [part for key, value in (_CONFIG | dict(self.config)).items() for part in ("-c", f"{key}={value}")]
        try:
            # A session of its own has no terminal, so that ssh cannot stop to ask for a password.
            return subprocess.run(
                [program, *options, *arguments],
                cwd=self.cwd,
                env=_environment(self.network) | dict(self.env),
                input=stdin,
                capture_output=True,
                timeout=self.timeout,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise InfrastructureError(f"git {arguments[0]} took longer than {self.timeout:.0f} seconds") from error

    def output(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a git command that has to succeed.

        Returns:
            Its standard output.

        Raises:
            GitError: It failed.
        """
        done = self.run(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise GitError(arguments[0], done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def line(self, *arguments: str, stdin: bytes = b"") -> str:
        """Like `output`, for a command that prints one line; without its end."""
        return os.fsdecode(self.output(*arguments, stdin=stdin)).rstrip("\n")

    def paths(self, *arguments: str) -> list[str]:
        """Like `output`, for a command that lists with ``-z``."""
        return [os.fsdecode(name) for name in self.output(*arguments).split(b"\0") if name]


def commit_of(git: Git, revision: str) -> str | None:
    """The id of the commit that a user's word for a revision means, if there is one."""
    if revision.startswith("-") or "\n" in revision or "\0" in revision:
        return None
    # In two steps, since a search such as ``:/words`` takes all that follows for words.
    name = revision
    for suffix in ("", "^{commit}"):
        done = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", name + suffix)
        if done.returncode != 0:
            return None
        name = os.fsdecode(done.stdout).strip()
    return name


def _environment(network: bool) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or (network and name.startswith(_CREDENTIALS))
    }
    ours = {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "https:http:ssh:git" if network else "none",
    }
    if not network:
        ours |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    return kept | ours
