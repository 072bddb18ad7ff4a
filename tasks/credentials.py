"""How git gets at private repositories with the user's tokens, which no command line and no file ever holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from tasks.forges.sites import origin
from tasks.forges.tokens import token_of_url

__all__ = ["Access", "ways_to"]

#: Says what two variables hold when git asks for a user and a password; what it is told to keep it forgets.
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$PATCHWRIGHT_USER" "$PATCHWRIGHT_PASSWORD"; }; f'
)


@dataclass(frozen=True, slots=True)
class Access:
    """A way to a repository.

    Attributes:
        url: Its clone URL, without credentials.
        env: Variables for git; not shown by ``repr``, since they may hold a secret.
        secret: What must not appear anywhere, ``""`` if there is nothing of the kind.
    """

    url: str
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    secret: str = field(default="", repr=False)


def ways_to(url: str) -> Iterator[Access]:
    """The ways to a repository, the best first; another is worth trying when access is refused.

    Credentials in the URL are the only way if there are any. Otherwise the token for its site comes first, if the user
    has one, and then whatever the user's own configuration of git knows: credential helpers, an ssh agent.

    Args:
        url: A clone URL.
    """
    parts = urlsplit(url) if url.startswith(("https://", "http://")) else None
    if parts and parts.username is not None:
        clean = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        user, password = unquote(parts.username), unquote(parts.password or "")
        # A token may stand where a user's name does; git would ask for the password then.
        yield Access(clean, _helping(clean, user, password), password or user)
        return
    if token := token_of_url(url):
        yield Access(url, _helping(url, token.user, token.value), token.value)
    yield Access(url)


def _helping(url: str, user: str, password: str) -> dict[str, str]:
    """Variables that make git ask our helper, and no other, about the URL's host, and about no other host."""
    setting = f"credential.{origin(url)}.helper"
    before = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    env = {"PATCHWRIGHT_USER": user, "PATCHWRIGHT_PASSWORD": password, "GIT_CONFIG_COUNT": str(before + 2)}
    # The empty one first: the user's own helpers would be told to keep the token.
    for place, value in enumerate(("", _HELPER), before):
        env |= {f"GIT_CONFIG_KEY_{place}": setting, f"GIT_CONFIG_VALUE_{place}": value}
    return env
