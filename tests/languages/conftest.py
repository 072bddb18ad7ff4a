"""The image that the projects run in. They have tests of their own, which are not ours."""

from __future__ import annotations

import pytest

from tests.languages import toolchains

collect_ignore = ["projects"]


@pytest.fixture(scope="session")
def languages_image(docker_image: str) -> str:
    """Tag of an image with the compilers, build tools and test runners of all projects."""
    return toolchains.toolchain_image(docker_image)
