"""What files beside the manifests say of a project's needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tasks.environments.debian import first_version

_IMAGES = {
    "python": "python",
    "golang": "go",
    "go": "go",
    "rust": "rust",
    "ruby": "ruby",
    "php": "php",
    "node": "node",
    "javascript-node": "node",
    "typescript-node": "node",
    "openjdk": "java",
    "eclipse-temurin": "java",
    "java": "java",
}


@dataclass
class Hints:
    """Facts gathered from Dockerfiles, containers for development, compose files and continuous integration.

    Attributes:
        packages: Debian packages that are installed there.
        versions: The version of each language, by its name.
        env: Variables.
        pip: Arguments of every ``pip install``.
        tests: Commands that run tests.
        why: What was seen where, a sentence each.
        notes: What will be missing, a sentence each.
    """

    packages: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    pip: list[list[str]] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def says(self, sentence: str) -> None:
        """Remember what was seen, once."""
        if sentence not in self.why:
            self.why.append(sentence)

    def add(self, other: Hints) -> None:
        """Take over what another file says; of versions and variables the first one counts."""
        self.packages += [name for name in other.packages if name not in self.packages]
        self.versions = other.versions | self.versions
        self.env = other.env | self.env
        self.pip += other.pip
        self.tests += [command for command in other.tests if command not in self.tests]
        self.why += [sentence for sentence in other.why if sentence not in self.why]
        self.notes += [sentence for sentence in other.notes if sentence not in self.notes]


def language_of_image(image: str) -> tuple[str, str] | None:
    """The language and its version that the name of an image tells, such as ``node:20-alpine``."""
    name, _, tag = image.rpartition(":") if ":" in image.rpartition("/")[2] else (image, "", "")
    language = _IMAGES.get(name.rpartition("/")[2])
    # Images for development put their own version in front: ``1-3.12-bookworm`` has Python 3.12.
    version = first_version(re.sub(r"^[01]-", "", tag) if "devcontainers" in name else tag)
    return (language, version) if language and version else None
