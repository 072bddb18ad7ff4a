"""An address of an issue that is not what it seems."""

from __future__ import annotations

import pytest

from aci_tools.errors import PatchwrightError
from tasks.forges.tokens import Token
from tasks.sources import read_issue
from tests.security.conftest import CANARY, Listener

SHAPES = ["owner/repo/issues/1", "group/repo/-/issues/1"]


@pytest.mark.parametrize("path", SHAPES)
def test_an_address_in_the_shape_of_a_forge_gets_no_token(
    attacker: Listener, monkeypatch: pytest.MonkeyPatch, path: str, defended: bool
) -> None:
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "GITEA_TOKEN", "FORGEJO_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    if not defended:
        monkeypatch.setattr("tasks.forges.api.token_for", lambda site: Token(CANARY, "GITHUB_TOKEN", "oauth2"))
    with pytest.raises(PatchwrightError) as refused:
        read_issue(f"http://{attacker.address}/{path}")
    assert attacker.asked
    assert (CANARY in "".join(attacker.headers)) is not defended
    assert CANARY not in str(refused.value)
