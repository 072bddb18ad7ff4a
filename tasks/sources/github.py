"""Reads an issue from GitHub or GitHub Enterprise over its REST API."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from aci_tools.errors import InfrastructureError, UsageError
from tasks.sources.issue import Issue

if TYPE_CHECKING:
    from httpx2 import Client, Response

_PUBLIC_API = "https://api.github.com"
_PATH = re.compile(r"/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)/(?:issues|pull)/(?P<number>\d+)(?:/.*)?")
_FORMS = "https://github.com/OWNER/REPO/issues/N or /pull/N, a file, text, or - for standard input"
#: Comments read at most: ten pages.
_PAGES, _PER_PAGE = 10, 100


def read_github(url: str, client: Client | None = None) -> Issue:
    """Read an issue or a pull request: title, body and what people commented.

    ``GITHUB_API_URL`` names another API, as GitHub Actions sets it for GitHub Enterprise; ``GITHUB_TOKEN`` or
    ``GH_TOKEN`` gives access to private repositories. Names of authors and comments of bots are left out.

    Args:
        url: Its address in a browser.
        client: The HTTP client to use; one of its own if ``None``.

    Raises:
        UsageError: The URL is not one of an issue, or the issue is not there.
        InfrastructureError: GitHub could not be reached, refused access or limits the rate.
    """
    import httpx2

    api = (os.environ.get("GITHUB_API_URL") or _PUBLIC_API).rstrip("/")
    web, owner, name, number = _parse(url, api)
    reader = client or httpx2.Client(timeout=30.0, follow_redirects=True)
    try:
        address = f"{api}/repos/{owner}/{name}/issues/{number}"
        found = _get(reader, address, url)
        comments = _comments(reader, address, url) if found.get("comments") else ()
    finally:
        if client is None:
            reader.close()
    # An issue that was moved is read from its new place.
    moved = _PATH.fullmatch(urlsplit(str(found.get("html_url"))).path)
    if moved:
        owner, name, number = moved["owner"], moved["name"], int(moved["number"])
    return Issue(
        title=str(found.get("title") or "").strip(),
        body=found.get("body") or "",
        url=str(found.get("html_url") or url),
        number=number,
        repo=f"{web}/{owner}/{name}.git",
        comments=comments,
        kind="github",
        state=str(found.get("state") or ""),
    )


def _parse(url: str, api: str) -> tuple[str, str, str, int]:
    """The web site, owner, name and number that a URL names."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    host = parts.netloc.rpartition("@")[2].lower().removeprefix("www.")
    api_parts = urlsplit(api)
    enterprise = api_parts.netloc.lower().removeprefix("api.")
    if host not in ("github.com", enterprise):
        if "/-/" in parts.path or "gitlab" in host:
            raise UsageError(
                f"GitLab issues are not yet supported: save the issue's text to a file and give that ({url})"
            )
        raise UsageError(
            f"issues of {host} are not yet supported: give {_FORMS}; for GitHub Enterprise set GITHUB_API_URL"
        )
    found = _PATH.fullmatch(parts.path)
    if not found:
        raise UsageError(f"not the URL of an issue: {url}; give {_FORMS}")
    scheme = "https" if host == "github.com" else api_parts.scheme
    return f"{scheme}://{host}", found["owner"], found["name"], int(found["number"])


def _comments(client: Client, address: str, url: str) -> tuple[str, ...]:
    bodies: list[str] = []
    for page in range(1, _PAGES + 1):
        batch = _get(client, f"{address}/comments?per_page={_PER_PAGE}&page={page}", url)
        people = [one for one in batch if (one.get("user") or {}).get("type") != "Bot"]
        bodies += [one["body"] for one in people if one.get("body")]
        if len(batch) < _PER_PAGE:
            break
    return tuple(bodies)


def _token() -> tuple[str, str] | None:
    """The variable that holds a token, and the token."""
    names = ("GITHUB_TOKEN", "GH_TOKEN")
    return next(((name, token) for name in names if (token := os.environ.get(name, "").strip())), None)


def _get(client: Client, address: str, url: str) -> Any:
    import httpx2

    headers = {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "patchwright",
    }
    if token := _token():
        headers["Authorization"] = f"Bearer {token[1]}"
    try:
        response = client.get(address, headers=headers)
        if response.status_code != 200:
            _refuse(response, url)
        return response.json()
    except httpx2.RequestError as error:
        reason = str(error) or type(error).__name__
        raise InfrastructureError(f"cannot reach GitHub at {urlsplit(address).netloc}: {reason}") from error
    except ValueError as error:
        raise InfrastructureError(f"{urlsplit(address).netloc} did not answer like GitHub: no JSON from it") from error


def _refuse(response: Response, url: str) -> NoReturn:
    """Say in one line why GitHub did not give the issue."""
    status = response.status_code
    token = _token()
    limited = _limited(response)
    if limited:
        more = "" if token else "; with GITHUB_TOKEN set, many more requests are allowed"
        raise InfrastructureError(f"GitHub's rate limit is used up {limited}{more}")
    if status == 404:
        why = f"or {token[0]} has no access to it" if token else "or it is private: then set GITHUB_TOKEN"
        raise UsageError(f"no such issue: {url} ({why})")
    if status == 410:
        raise UsageError(f"the issue was deleted, or the repository has its issues switched off: {url}")
    if status == 401:
        raise InfrastructureError(
            f"GitHub refused the token in {token[0]}" if token else "GitHub asks for a GITHUB_TOKEN"
        )
    if status == 403:
        who = f"the token in {token[0]} may not read" if token else "without GITHUB_TOKEN nobody may read"
        raise InfrastructureError(f"GitHub refused access: {who} {url}")
    raise InfrastructureError(f"GitHub answered {status} {response.reason_phrase} for {url}".replace("  ", " "))


def _limited(response: Response) -> str:
    """Until when a rate limit holds, ``""`` if there is none."""
    if response.status_code not in (403, 429):
        return ""
    headers = response.headers
    wait = headers.get("retry-after", "")
    if wait.isdigit():
        reset = time.time() + int(wait)
    elif headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
        reset = float(headers["x-ratelimit-reset"])
    else:
        return "for now" if response.status_code == 429 or "rate limit" in response.text.lower() else ""
    minutes = max(1, round((reset - time.time()) / 60))
    return f"until {datetime.fromtimestamp(reset, UTC):%H:%M} UTC (in {minutes} minute{'s' if minutes > 1 else ''})"
