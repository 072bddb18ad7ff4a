"""``.patchwright.yaml``: the environment as a repository states it itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from aci_tools.errors import UsageError
from aci_tools.testing.detect import PINNED
from aci_tools.testing.plan import ParserName
from tasks.environments.proposal import Proposal
from tasks.environments.tree import Tree

FILE = PINNED
_HEAD = """\
# How Patchwright runs the tests of this repository; `agent environment --write` wrote it, and it may be edited.
# Packages are Debian's. The install commands run in one shell at the top of the repository, with a network; they run
# anew when one of the inputs has changed.
"""


class _Environment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    image: str | None = None
    packages: list[str] = []
    install: list[str] = []
    env: dict[str, str] = {}
    test_command: str = ""
    parser: str = ""
    inputs: list[str] = ["**"]

    @field_validator("parser")
    @classmethod
    def _known(cls, name: str) -> str:
        if name and name not in get_args(ParserName):
            raise ValueError(f"{name!r} is none of {', '.join(get_args(ParserName))}")
        return name


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    environment: _Environment = _Environment()


def read_pinned(tree: Tree) -> Proposal | None:
    """What a repository pins; ``None`` where it pins nothing.

    Raises:
        UsageError: The file is not as it must be; the message says where.
    """
    if FILE not in tree:
        return None
    try:
        environment = _Document.model_validate(yaml.safe_load(tree.text(FILE)) or {}).environment
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UsageError(f"{FILE}{f', line {mark.line + 1}' if mark else ''}: it is not YAML") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{FILE}: {'.'.join(map(str, first['loc'])) or 'the whole file'}: {first['msg']}") from None
    return Proposal(
        image=environment.image,
        packages=tuple(environment.packages),
        install=tuple(environment.install),
        env=environment.env,
        test_command=environment.test_command,
        parser=environment.parser,
        inputs=tuple(environment.inputs),
        why=(f"{FILE} says it",),
        pinned=True,
    )


def write_pinned(directory: Path, proposal: Proposal, test_command: str, parser: str) -> Path:
    """Write what was found out to the repository's own file.

    Args:
        directory: Top of the working tree.
        proposal: What it needs.
        test_command: What runs its tests; it is left to be found out again where it takes more than a line.
        parser: Who reads the output.

    Returns:
        The file.

    Raises:
        UsageError: There is such a file already, or none can be written.
    """
    found: dict[str, Any] = {
        "image": proposal.image,
        "packages": sorted({*proposal.packages, *(() if proposal.image else proposal.toolchain)}),
        "install": list(proposal.install),
        "env": dict(proposal.env),
        "test_command": "" if "\n" in test_command else test_command,
        "parser": "" if "\n" in test_command else parser,
        "inputs": list(proposal.inputs),
    }
    document = {"environment": {name: value for name, value in found.items() if value}}
    path = directory / FILE
    try:
        # Nothing that is there is overwritten, nor what a link leads to.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError:
        raise UsageError(f"{path} is there already: remove it first, or edit it") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110))
    return path
