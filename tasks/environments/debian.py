"""What the packages of Debian 12 can serve, and the official image of a language where they cannot."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

#: Versions of languages in Debian 12, and the official images that are made of it.
_VERSIONS = {
    "python": ("3.11", "python:{}-bookworm"),
    "go": ("1.19", "golang:{}-bookworm"),
    "rust": ("1.63", "rust:{}-bookworm"),
    "ruby": ("3.1", "ruby:{}-bookworm"),
    "php": ("8.2", "php:{}-cli-bookworm"),
    "node": ("18", "node:{}-bookworm"),
    "java": ("17", ""),
}
_PYTHONS = tuple(f"3.{minor}" for minor in (11, 12, 13, 10, 9, 14, 8, 7, 6))


def packaged(language: str) -> str:
    """The version of a language in Debian 12."""
    return _VERSIONS[language][0]


def image_for(language: str, wanted: str) -> str | None:
    """The official image of a language, where the version that a project names is newer than Debian's.

    Args:
        language: Its name.
        wanted: What the project says: ``1.22``, ``v20.1``, ``3.2.2``; what is no version asks for nothing.
    """
    version = first_version(wanted)
    have, image = _VERSIONS[language]
    if version is None or Version(version) <= Version(_as_precise_as(version, have)):
        return None
    return image.format(".".join(version.split(".")[:2])) or None


def python_image(requirement: str, exact: str = "") -> str | None:
    """The official image of Python, where Debian's is not one that a project allows.

    Args:
        requirement: A version specifier such as ``>=3.12``.
        exact: The version that the project is developed with, preferred where given.
    """
    try:
        allowed = SpecifierSet(requirement)
    except InvalidSpecifier:
        allowed = SpecifierSet()
    have = packaged("python")
    if allowed.contains(f"{have}.2"):
        return None
    named = first_version(exact)
    candidates = [".".join(named.split(".")[:2])] if named else []
    for version in (*candidates, *_PYTHONS):
        if allowed.contains(f"{version}.99") or allowed.contains(f"{version}.0"):
            return _VERSIONS["python"][1].format(version)
    return None


def first_version(text: str) -> str | None:
    """The first version number in a text, if there is one."""
    found = re.search(r"\d+(?:\.\d+){0,2}", text)
    if found is None:
        return None
    try:
        return str(Version(found[0]))
    except InvalidVersion:
        return None


def _as_precise_as(version: str, other: str) -> str:
    """``1`` against ``1.19`` is no newer; so the shorter one is compared as far as it goes, with the rest as large."""
    missing = version.count(".") - other.count(".")
    return other + ".9999" * max(0, missing)
