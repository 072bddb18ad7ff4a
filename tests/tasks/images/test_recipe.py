"""What goes into a layer's key, and which commands need the repository."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.images.recipe import layers, split
from tasks.task import Environment

INSTALL = ("python3.11 -m venv .venv && . .venv/bin/activate", "python -m pip install a==1", "pip install -e .")
WHOLE: dict[str, Any] = {"install": INSTALL, "pip": ("a==1", "b==2"), "env": {"LC_ALL": "C"}, "python": "3.11"}


@pytest.mark.parametrize(
    "command",
    [
        "python3.11 -m venv .venv && . .venv/bin/activate",
        "source venv/bin/activate",
        "python -m pip install -U 'a[x,y]>=1,<2' b==2 --only-binary :all:",
        "pip install --no-deps a",
        "apt-get update; apt-get install -y --no-install-recommends libfoo-dev",
        "export MODE=fast",
    ],
)
def test_commands_that_read_no_repository_are_shared(command: str) -> None:
    assert split((command, "make")) == ((command,), ("make",))


@pytest.mark.parametrize(
    "command",
    [
        "pip install .",
        "pip install -e .",
        "pip install -e.[dev]",
        "pip install '.[dev]'",
        "python -m pip install ./sub",
        "pip install -r requirements.txt",
        "pip install a -c pins.txt",
        "pip install dist/a-1.whl",
        "python setup.py develop",
        "make",
        "pip install a && make",
        "pip install $(cat requirements.txt)",
        "pip install a > log",
        "pip install a\nmake",
        "export VERSION=`git describe`",
        "python -m venv $PWD/.venv",
    ],
)
def test_commands_that_may_read_the_repository_wait_for_it(command: str) -> None:
    assert split(("pip install a", command, "pip install b")) == (("pip install a",), (command, "pip install b"))


def keys(base: str = "base", commit: str = "commit", **changes: Any) -> list[str]:
    environment = Environment.model_validate({**WHOLE, **changes})
    return [layer.key for layer in layers(environment, base, commit)]


@pytest.mark.parametrize(
    "changes",
    [
        {"base": "other"},
        {"pip": ("a==1", "b==3")},
        {"env": {"LC_ALL": "C.UTF-8"}},
        {"python": "3.12"},
        {"install": (INSTALL[0], "python -m pip install a==2", INSTALL[2])},
    ],
)
def test_what_an_environment_is_made_of_changes_all_keys(changes: Any) -> None:
    assert not set(keys(**changes)) & set(keys())


@pytest.mark.parametrize("changes", [{"commit": "other"}, {"install": (*INSTALL[:2], "pip install -e .[dev]")}])
def test_what_only_the_repository_needs_changes_its_key_alone(changes: Any) -> None:
    assert keys(**changes)[0] == keys()[0]
    assert keys(**changes)[1] != keys()[1]


@pytest.mark.parametrize(
    "changes", [{"pip": ("b==2", "a==1")}, {"test_cmd": "pytest"}, {"timeout": 5}, {"parser": "pytest"}]
)
def test_what_goes_into_no_layer_changes_no_key(changes: Any) -> None:
    assert keys(**changes) == keys()


def test_where_history_is_cut_changes_no_image() -> None:
    environment = Environment.model_validate(WHOLE)
    whole, cut = layers(environment, "base", "commit"), layers(environment, "base", "commit", "milestone")
    assert [layer.name for layer in cut] == ["environment", "history", "repository"]
    assert (whole[0].key, whole[-1].key) == (cut[0].key, cut[-1].key)
