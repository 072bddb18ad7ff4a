"""What an address means: which forge, which repository, which issue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from aci_tools.errors import InfrastructureError, PatchwrightError, UsageError
from tasks.forges.base import Forge
from tasks.forges.sites import Site, gitea, origin, readable, site_of

if TYPE_CHECKING:
    from httpx2 import Client

    from tasks.sources.issue import Issue

__all__ = ["Place", "locate_issue", "locate_repository", "read_forge_issue"]

#: A name in a path; it leads nowhere else.
_NAME = r"(?!\.\.?(?:/|$))[\w.-]+"
_NUMBER = r"/(?P<number>[1-9]\d{0,17})(?:/.*)?"
_PATHS = {
    "github": rf"/(?P<path>{_NAME}/{_NAME})/(?P<what>issues|pull){_NUMBER}",
    "gitlab": rf"/(?P<path>{_NAME}(?:/{_NAME})+?)(?:/-)?/(?P<what>issues|work_items|merge_requests){_NUMBER}",
    "gitea": rf"/(?P<path>{_NAME}/{_NAME})/(?P<what>issues|pulls){_NUMBER}",
}
_FORMS = {
    "github": "{web}/OWNER/REPO/issues/N or /pull/N",
    "gitlab": "{web}/GROUP/PROJECT/-/issues/N or /-/merge_requests/N",
    "gitea": "{web}/OWNER/REPO/issues/N or /pulls/N",
}
_SCP_LIKE = re.compile(r"(?:[\w.+-]+@)?(?P<host>[A-Za-z0-9][\w.-]+):(?P<path>(?!//)\S+)")


class Place(NamedTuple):
    """Something on a forge.

    Attributes:
        forge: The forge.
        path: The repository's path there.
        number: The issue's or pull request's; 0 for the repository itself.
        pull_request: Whether the address is one of a pull request.
    """

    forge: Forge
    path: str
    number: int = 0
    pull_request: bool = False


def locate_issue(url: str, client: Client | None = None) -> Place:
    """The issue or pull request that an address in a browser means.

    A site that is not known by its address or by a variable is asked whether it is a Gitea or Forgejo.

    Args:
        url: The address; ``https://`` may be left out.
        client: The HTTP client to use; one of its own for each request if ``None``.

    Raises:
        UsageError: It is not the address of an issue, or of no forge that is known.
        InfrastructureError: The site could not be asked.
    """
    url = url.strip()
    url = url if "://" in url else f"https://{url}"
    if not readable(url):
        raise UsageError(f"not a URL: {url}; give an issue's, a file, text, or - for standard input")
    site = site_of(url)
    if site is None and re.fullmatch(_PATHS["gitea"], urlsplit(url).path):
        site = _asked(url, client)
    if site is None:
        raise _unknown(url)
    found = re.fullmatch(_PATHS[site.kind], site.path(url))
    if not found:
        forms = _FORMS[site.kind].format(web=site.web)
        raise UsageError(f"not the URL of an issue: {url}; give {forms}, a file, text, or - for standard input")
    merging = found["what"] not in ("issues", "work_items")
    return Place(_forge(site, client), found["path"], int(found["number"]), merging)


def locate_repository(url: str, client: Client | None = None) -> Place:
    """The repository that a clone URL, over HTTP or ssh, or an address in a browser means; else as `locate_issue`."""
    if not readable(url):
        raise UsageError("not the URL of a repository: its host or port cannot be one")
    scp_like = _SCP_LIKE.fullmatch(url) if "://" not in url else None
    parts = urlsplit(url)
    if scp_like:
        url = f"https://{scp_like['host']}/{scp_like['path'].lstrip('/')}"
    elif parts.scheme == "ssh":
        url = f"https://{parts.hostname}{parts.path}"
    elif parts.scheme not in ("http", "https"):
        raise UsageError(f"not a repository on a forge: {url}; give its https or ssh URL")
    site = site_of(url) or _asked(url, client)
    if site is None:
        raise _unknown(url)
    path = site.path(url).partition("/-/")[0].strip("/").removesuffix(".git")
    if not re.fullmatch(rf"{_NAME}(/{_NAME}){'+' if site.kind == 'gitlab' else ''}", path):
        raise UsageError(f"not the URL of a repository: {origin(url)}{parts.path}")
    return Place(_forge(site, client), path)


def read_forge_issue(url: str, client: Client | None = None) -> Issue:
    """Read the issue or pull request at an address; raises what `locate_issue` and `Forge.issue` raise."""
    place = locate_issue(url, client)
    return place.forge.issue(place.path, place.number, pull_request=place.pull_request)


def _forge(site: Site, client: Client | None) -> Forge:
    if site.kind == "github":
        from tasks.forges.github import GitHub

        return GitHub(site, client)
    if site.kind == "gitlab":
        from tasks.forges.gitlab import GitLab

        return GitLab(site, client)
    from tasks.forges.gitea import Gitea

    return Gitea(site, client)


def _asked(url: str, client: Client | None) -> Site | None:
    """The Gitea or Forgejo that an address belongs to, if its site says that it is one."""
    from tasks.forges.api import Api

    site = gitea(origin(url))
    try:
        said = Api("Gitea", site, client=client).get("/version", site.web)
    except InfrastructureError as error:
        if "cannot reach" in str(error):
            raise InfrastructureError(str(error).replace("Gitea at ", "")) from error
        return None
    except PatchwrightError:
        return None
    return site if said.get("version") else None


def _unknown(url: str) -> UsageError:
    host = urlsplit(url).netloc.rpartition("@")[2]
    return UsageError(
        f"{host} is no GitHub, GitLab, Gitea or Forgejo that is known: "
        "set GITHUB_API_URL, GITLAB_HOST, GITEA_URL or FORGEJO_URL, or give the issue's text in a file"
    )
