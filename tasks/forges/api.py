"""Requests to a forge's REST API, and one clear line for each way in which it may refuse them."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from aci_tools.errors import InfrastructureError, UsageError
from tasks.forges.sites import Site
from tasks.forges.tokens import Token, token_for, wanted_variable

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx2 import Client, Response

__all__ = ["Api", "Missing"]

_SAID_AT_MOST = 300
#: Pages of a list that are read at most.
_PAGES = 10


class Missing(UsageError):
    """There is no such thing, or it is not to be seen with this token."""


class _Answer(dict[str, Any]):
    """An object in a forge's answer; that something is not in it which has to be is the forge's fault."""

    def __init__(self, found: Mapping[str, Any], api: Api) -> None:
        super().__init__(found)
        self._api = api

    def __missing__(self, key: str) -> NoReturn:
        host = urlsplit(self._api.site.api).netloc
        raise InfrastructureError(f"{host} did not answer like {self._api.name}: no {key}")


class Api:
    """The REST API of one forge.

    Args:
        name: What the forge is called in messages.
        site: Which one it is.
        scheme: What comes before the token in the ``Authorization`` header.
        headers: Headers of every request.
        per_page: How many entries of a list a page has.
        client: The HTTP client to use; one of its own for each request if ``None``.
    """

    def __init__(
        self,
        name: str,
        site: Site,
        *,
        scheme: str = "Bearer",
        headers: Mapping[str, str] | None = None,
        per_page: int = 100,
        client: Client | None = None,
    ) -> None:
        self.name = name
        self.site = site
        self.per_page = per_page
        self._scheme = scheme
        self._headers = {"User-Agent": "patchwright", "Accept": "application/json"} | dict(headers or {})
        self._client = client

    @property
    def token(self) -> Token | None:
        """What requests are signed with."""
        return token_for(self.site)

    def get(self, path: str, about: str, **query: str | int) -> dict[str, Any]:
        """The object that is at a path of the API.

        Args:
            path: With a slash at its start.
            about: What that is to the user, such as ``issue https://…``.
            query: Parameters.

        Raises:
            Missing: There is no such thing.
            UsageError: The request makes no sense to the forge.
            InfrastructureError: It cannot be reached, refused access or limits the rate.
        """
        return self._object(self._request("GET", path, about, query=query))

    def entries(self, path: str, about: str) -> list[dict[str, Any]]:
        """The entries of a list that has no pages; raises what `get` raises."""
        return self._list(self._request("GET", path, about))

    def pages(self, path: str, about: str, **query: str | int) -> Iterator[dict[str, Any]]:
        """The entries of a list, page after page, at most ten pages; raises what `get` raises."""
        for page in range(1, _PAGES + 1):
            counted = {**query, "per_page": self.per_page, "limit": self.per_page, "page": page}
            response = self._request("GET", path, about, query=counted)
            batch = self._list(response)
            yield from batch
            links = response.headers.get("link", "")
            if not ('rel="next"' in links if links else len(batch) >= self.per_page):
                break

    def send(self, method: str, path: str, about: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make or change something; the arguments and errors are those of `get`."""
        return self._object(self._request(method, path, about, body=body))

    @property
    def _host(self) -> str:
        return urlsplit(self.site.api).netloc

    def _request(
        self, method: str, path: str, about: str, *, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Response:
        import httpx2

        token = self.token
        headers = self._headers | ({"Authorization": f"{self._scheme} {token.value}"} if token else {})
        client = self._client or httpx2.Client(timeout=30.0, follow_redirects=True, verify=_certificates())
        try:
            response = client.request(method, self.site.api + path, params=query or None, json=body, headers=headers)
        except httpx2.InvalidURL as error:
            raise UsageError(f"cannot reach {self.name} at {self._host}: {error}") from error
        except httpx2.RequestError as error:
            reason = str(error) or type(error).__name__
            raise InfrastructureError(f"cannot reach {self.name} at {self._host}: {reason}") from error
        finally:
            if self._client is None:
                client.close()
        if not response.is_success:
            self._refuse(response, about, token, writing=method != "GET")
        return response

    def _object(self, response: Response) -> dict[str, Any]:
        found = self._json(response)
        if not isinstance(found, dict):
            raise InfrastructureError(f"{self._host} did not answer like {self.name}: no object from it")
        return found

    def _list(self, response: Response) -> list[dict[str, Any]]:
        found = self._json(response)
        if not isinstance(found, list):
            raise InfrastructureError(f"{self._host} did not answer like {self.name}: no list from it")
        return [entry for entry in found if isinstance(entry, dict)]

    def _json(self, response: Response) -> Any:
        try:
            return response.json(object_hook=lambda found: _Answer(found, self))
        except (ValueError, RecursionError) as error:
            raise InfrastructureError(f"{self._host} did not answer like {self.name}: no JSON from it") from error

    def _refuse(self, response: Response, about: str, token: Token | None, *, writing: bool) -> NoReturn:
        status = response.status_code
        variable = wanted_variable(self.site)
        limited = _limited(response)
        if limited:
            more = "" if token else f"; with {variable} set, many more requests are allowed"
            raise InfrastructureError(f"{self.name}'s rate limit is used up {limited}{more}")
        if status == 404:
            why = f"or {_of(token)} has no access to it" if token else f"or it is private: then set {variable}"
            raise Missing(f"no such {about} ({why})")
        if status == 410:
            raise Missing(f"it was deleted, or the repository has it switched off: {about}")
        if status == 401:
            refused = f"refused the token in {token.origin}" if token else f"asks for a token: set {variable}"
            raise InfrastructureError(f"{self.name} {refused}")
        said = _said(response)
        if status == 403:
            who = f"{_of(token)} may not" if token else f"without {variable} nobody may"
            raise InfrastructureError(
                f"{self.name} refused access: {who} {'change' if writing else 'read'} {about}{said and f' ({said})'}"
            )
        if status in (400, 409, 413, 422):
            raise UsageError(f"{self.name} did not take {about}: {said or status}")
        reason = f"{status} {response.reason_phrase}".strip()
        raise InfrastructureError(f"{self.name} answered {reason} for {about}")


@functools.cache
def _certificates() -> SSLContext:
    """Read once: that takes longer than a request to a server nearby."""
    import httpx2

    return httpx2.create_ssl_context()


def _of(token: Token) -> str:
    return f"the token in {token.origin}"


def _said(response: Response) -> str:
    """The forge's own words for its refusal, on one line."""
    try:
        answer = response.json()
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return ""
    parts = [answer.get("message") or answer.get("error"), *_list(answer.get("errors"))]
    words = [part.get("message") or part.get("code") if isinstance(part, dict) else part for part in parts]
    flat = [str(one) for word in words if word for one in (word if isinstance(word, list) else [word])]
    return " ".join(": ".join(flat).split())[:_SAID_AT_MOST]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _limited(response: Response) -> str:
    """Until when a rate limit holds, ``""`` if there is none."""
    if response.status_code not in (403, 429):
        return ""
    headers = response.headers
    wait = headers.get("retry-after", "")
    left = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining"))
    ends = headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", ""))
    if wait.isdigit():
        reset = time.time() + int(wait)
    elif left == "0" and ends.isdigit():
        reset = float(ends)
    else:
        return "for now" if response.status_code == 429 or "rate limit" in response.text.lower() else ""
    minutes = max(1, round((reset - time.time()) / 60))
    return f"until {datetime.fromtimestamp(reset, UTC):%H:%M} UTC (in {minutes} minute{'s' if minutes > 1 else ''})"
