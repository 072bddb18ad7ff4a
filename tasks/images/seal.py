"""Images that others published, with a git directory that holds nothing younger than the task's base commit.

Such images were made by cloning a repository as it is today: commits after the base, with the solution among them, may
be in its packs, under tags, in reflogs, or nowhere but in the object store.
"""

from __future__ import annotations

from typing import Any

from tasks.images.builder import WORKDIR, archive, commit, idle_container, run_quiet
from tasks.images.recipe import digest
from tasks.images.scripts import SEAL
from tasks.task import Task

#: Where SWE-bench's images have the environment of their tests.
_CONDA = "/opt/miniconda3"
_ACTIVATE = f"source {_CONDA}/bin/activate && conda activate testbed"
_FIND = f"""if [ -e {WORKDIR}/.git ]; then echo {WORKDIR}; else pwd -P; fi"""
_HAS_CONDA = f"if [ -d {_CONDA}/envs/testbed ]; then echo yes; fi"
_PATIENCE = 1800.0


def sealed_key(image_id: str, task: Task) -> str:
    """SHA-256 of what the image that `seal` makes is made from."""
    return digest("sealed", image_id, task.base_commit, task.setup_patch)


def sealed_key_by_name(image: str, task: Task) -> str:
    """SHA-256 by which other machines know a sealed image, who do not have what it was made from."""
    return digest("sealed by name", image, task.base_commit, task.setup_patch)


def seal(client: Any, image: str, task: Task, tag: str, *, pulled: bool) -> None:
    """Make an image in which the repository has its history up to the task's base commit and nothing else.

    The files of the repository are left as they are. What of them git does not track is excluded, and where they differ
    from the base commit, a commit on top of it has that: so a patch will hold what was changed later and nothing else.

    Args:
        client: The engine.
        image: The image as it was published, which is here.
        task: Whose it is.
        tag: Name of the image that is made.
        pulled: Whether it was pulled for this, and may go with what is made.

    Raises:
        BrokenImage: There is no repository in it, or one that is damaged.
        InfrastructureError: The engine failed.
    """
    source = client.images.get(image)
    with idle_container(client, image, _PATIENCE, network_mode="none") as container:
        workdir = run_quiet(container, _FIND, workdir=source.attrs["Config"].get("WorkingDir") or "/")
        patch = ""
        if task.setup_patch:
            patch = "/tmp/setup.patch"
            container.put_archive("/tmp", archive({"setup.patch": task.setup_patch.encode()}))
        head = run_quiet(container, SEAL, task.base_commit, patch, workdir=workdir)
        if patch:
            run_quiet(container, f"rm {patch}", workdir=workdir)
        conda = run_quiet(container, _HAS_CONDA, workdir=workdir)
        labels = {
            "patchwright.layer": "sealed",
            "patchwright.key": sealed_key(source.id, task),
            "patchwright.repo": task.repo,
            "patchwright.task": task.id,
            "patchwright.origin": "image",
            "patchwright.commit": head,
            "patchwright.startup": _ACTIVATE if conda else "",
        }
        if pulled:
            labels |= {"patchwright.pulled": image, "patchwright.below": "0"}
        commit(client, container, tag, labels, {}, workdir)
