"""Which web sites are forges, of which kind, and where their APIs are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from aci_tools.errors import UsageError

__all__ = ["Site", "configured", "gitea", "origin", "readable", "site_of"]


@dataclass(frozen=True, slots=True)
class Site:
    """A web site that is a forge.

    Attributes:
        kind: ``github``, ``gitlab`` or ``gitea`` (Forgejo too).
        web: Its address in a browser, without a slash at the end.
        api: Where its REST API is, without a slash at the end.
        variables: Those whose token was made for this site, in the order in which they are looked at.
    """

    kind: str
    web: str
    api: str
    variables: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Its host, with the port if it has one of its own."""
        return urlsplit(self.web).netloc

    def serves(self, url: str) -> bool:
        """Whether an address is one of this site's, whatever its scheme."""
        path = urlsplit(self.web).path
        if not readable(url):
            return False
        parts = urlsplit(url)
        return _host(parts.netloc) == self.host and (parts.path + "/").startswith(path + "/")

    def path(self, url: str) -> str:
        """What follows the site's own address in one that it serves, with a slash before it."""
        return urlsplit(url).path[len(urlsplit(self.web).path) :]


def readable(url: str) -> bool:
    """Whether an address can be taken apart: brackets, ports and some signs of other scripts have their places."""
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True


def site_of(url: str) -> Site | None:
    """The site that an address belongs to, as far as that can be told without asking it.

    Args:
        url: An ``http`` or ``https`` address of anything there.

    Raises:
        UsageError: A variable that names a site holds no address.
    """
    for site in configured():
        if site.serves(url):
            return site
    parts = urlsplit(url)
    host = _host(parts.netloc)
    if host.endswith(".ghe.com"):
        return github(f"https://{host}")
    if "/-/" in parts.path or host.startswith("gitlab."):
        return gitlab(origin(url))
    return None


def configured() -> list[Site]:
    """The sites that variables name, then the public ones."""
    return [*_githubs(), *_gitlabs(), *_giteas()]


def github(web: str, *variables: str) -> Site:
    """A GitHub by its address."""
    scheme, _, host = web.partition("://")
    hosted = host == "github.com" or host.endswith(".ghe.com")
    return Site("github", web, f"{scheme}://api.{host}" if hosted else f"{web}/api/v3", variables)


def gitlab(web: str, *variables: str) -> Site:
    """A GitLab by its address."""
    return Site("gitlab", web, f"{web}/api/v4", variables)


def gitea(web: str, *variables: str) -> Site:
    """A Gitea or Forgejo by its address."""
    return Site("gitea", web, f"{web}/api/v1", variables)


def origin(url: str) -> str:
    """Scheme and host of an address, without what is before an ``@``."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_host(parts.netloc)}"


def _githubs() -> Iterator[Site]:
    tokens = ("GITHUB_TOKEN", "GH_TOKEN")
    api = _named("GITHUB_API_URL")
    if api:
        # GitHub's Actions set both; an API by itself serves the site on its host.
        parts = urlsplit(api)
        web = _named("GITHUB_SERVER_URL") or f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"
        yield Site("github", web, api, tokens)
    if enterprise := _named("GH_HOST"):
        yield github(enterprise, "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
    yield github("https://github.com", *(() if api else tokens))


def _gitlabs() -> Iterator[Site]:
    tokens = ("GITLAB_TOKEN", "GITLAB_ACCESS_TOKEN")
    own = _named("GITLAB_HOST", "GITLAB_URI", "GL_HOST", "CI_SERVER_URL")
    if own:
        yield gitlab(own, *tokens)
    yield gitlab("https://gitlab.com", *(() if own else tokens))


def _giteas() -> Iterator[Site]:
    for places, tokens, public in (
        (("GITEA_URL", "GITEA_SERVER_URL"), ("GITEA_TOKEN", "GITEA_SERVER_TOKEN"), "https://gitea.com"),
        (("FORGEJO_URL",), ("FORGEJO_TOKEN",), "https://codeberg.org"),
    ):
        own = _named(*places)
        if own:
            yield gitea(own, *tokens)
        yield gitea(public, *(() if own else tokens))


def _named(*variables: str) -> str | None:
    """The address that the first of these variables holds; one without a scheme is taken to mean ``https``."""
    name = next((name for name in variables if os.environ.get(name, "").strip()), None)
    if name is None:
        return None
    value = os.environ[name].strip()
    value = value if re.match(r"https?://", value) else f"https://{value}"
    if not readable(value):
        raise UsageError(f"{name} holds no address: {value}")
    return origin(value) + urlsplit(value).path.rstrip("/")


def _host(netloc: str) -> str:
    return netloc.rpartition("@")[2].lower().removeprefix("www.")
