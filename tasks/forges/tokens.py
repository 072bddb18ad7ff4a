"""Tokens for forges: of the usual variables, else of the stores that the forges' own command lines keep.

A token is given for the site that it was made for and for no other, so that the address of an issue cannot send it
elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from tasks.forges.sites import Site, gitea, origin, site_of

__all__ = ["Token", "token_for", "token_of_url", "wanted_variable"]

#: What a user of a site that no variable names is to set.
_USUAL = {
    "github": "GITHUB_TOKEN and GITHUB_API_URL",
    "gitlab": "GITLAB_TOKEN and GITLAB_HOST",
    "gitea": "GITEA_TOKEN and GITEA_URL",
}
#: What git calls the user when the password is a token; Gitea takes any name.
_USERS = {"github": "x-access-token", "gitlab": "oauth2", "gitea": "oauth2"}


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and where it was found.

    Attributes:
        value: The secret; not shown by ``repr``.
        origin: The variable's name, or in words the store.
        user: The user name that goes with it where it serves as a password.
    """

    value: str = field(repr=False)
    origin: str
    user: str


def token_for(site: Site) -> Token | None:
    """The token for a site, if the user has one.

    Raises:
        UsageError: What stands in its place is none, such as two lines, or the dots of an example.
    """
    value, where = next(_found(site), ("", ""))
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise UsageError(f"{where} holds no token for {site.web}: a blank, or a sign that no token has, is in it")
    return Token(value, where, _USERS[site.kind]) if value else None


def _found(site: Site) -> Iterator[tuple[str, str]]:
    for name in site.variables:
        if value := os.environ.get(name, "").strip():
            yield value, name
    stores = {"github": _of_gh, "gitlab": _of_glab, "gitea": _of_tea}
    yield from ((value, where) for value, where in stores[site.kind](site) if value)


def token_of_url(url: str) -> Token | None:
    """The token that opens a clone URL, if the user has one for the site that it is on.

    A site that is not known by its address is looked up in the stores of ``tea``; nothing is asked over the network.
    Raises what `token_for` raises.
    """
    if not url.startswith(("https://", "http://")):
        return None
    site = site_of(url) or gitea(origin(url))
    # What was made for https does not go over an open line.
    return token_for(site) if url.startswith(site.web.partition("//")[0]) else None


def wanted_variable(site: Site) -> str:
    """What a user without a token is to set: the name of a variable, or the names of two."""
    return site.variables[0] if site.variables else f"{_USUAL[site.kind]}={site.web}"


def _of_gh(site: Site) -> Iterator[tuple[str, str]]:
    """``gh`` keeps tokens in its file, or in the system's key ring, which it has to be asked for."""
    if not site.web.startswith("https:"):
        return
    directory = os.environ.get("GH_CONFIG_DIR")
    known = _read(Path(directory) if directory else _config_home() / "gh", "hosts.yml").get(site.host)
    if not isinstance(known, dict):
        return
    yield str(known.get("oauth_token") or ""), "gh's store"
    program = shutil.which("gh")
    if program:
        wanted = [program, "auth", "token", "--hostname", site.host]
        try:
            done = subprocess.run(
                wanted, capture_output=True, text=True, timeout=10, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired):
            return
        yield (done.stdout.strip() if done.returncode == 0 else ""), "gh's store"


def _of_glab(site: Site) -> Iterator[tuple[str, str]]:
    directory = os.environ.get("GLAB_CONFIG_DIR")
    places = [Path(directory)] if directory else [_config_home() / "glab-cli"]
    if sys.platform == "darwin":
        places.append(Path("~/Library/Application Support/glab-cli").expanduser())
    for place in places:
        hosts = _read(place, "config.yml").get("hosts")
        known = hosts.get(site.host) if isinstance(hosts, dict) else None
        if isinstance(known, dict) and site.web.startswith(f"{known.get('api_protocol') or 'https'}:"):
            yield str(known.get("token") or ""), "glab's store"


def _of_tea(site: Site) -> Iterator[tuple[str, str]]:
    logins = _read(_config_home() / "tea", "config.yml").get("logins")
    for login in logins if isinstance(logins, list) else []:
        if isinstance(login, dict) and str(login.get("url")).rstrip("/").lower() == site.web:
            yield str(login.get("token") or ""), "tea's store"


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()


def _read(directory: Path, name: str) -> dict[str, Any]:
    import yaml

    try:
        # Every scalar as it is written: glab marks its tokens with the tag of null.
        found = yaml.load((directory / name).read_text("utf-8"), Loader=yaml.BaseLoader)
    except (OSError, RuntimeError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
