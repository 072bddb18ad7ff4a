"""A container image with what the twelve projects are built with, all from Debian."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import tempfile
from pathlib import Path

from tests.languages.repositories import PROJECTS

# Maven and Gradle take Debian's artefacts for those of Maven Central, and ask no server.
_DOCKERFILE = r"""
FROM {base}
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {packages} \
    && rm -rf /var/lib/apt/lists/*
RUN printf '<settings><localRepository>/usr/share/maven-repo</localRepository><offline>true</offline></settings>\n' \
    > /etc/maven/settings.xml
RUN printf '%s\n' 'gradle.startParameter.offline = true' \
    'allprojects {{ repositories {{ maven {{ url "file:///usr/share/maven-repo" }} }} }}' \
    > /usr/share/gradle/init.d/debian.gradle
"""


def toolchain_image(base: str) -> str:
    """The tag of the image, which is built when it is missing: about 530 MB are downloaded.

    Args:
        base: Tag of an image of Debian with git and Python.
    """
    packages = sorted({package for project in PROJECTS for package in project.packages})
    recipe = _DOCKERFILE.format(base=base, packages=" ".join(packages))
    tag = f"patchwright/languages:{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    with (Path(tempfile.gettempdir()) / "patchwright-languages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side build it once
        if subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False).returncode:
            build = ["docker", "build", "-q", "-t", tag, "-"]
            made = subprocess.run(build, input=recipe, capture_output=True, text=True, check=False)
            assert made.returncode == 0, made.stderr[-3000:]
    return tag
