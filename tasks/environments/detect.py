"""From the files of a repository to what it needs."""

from __future__ import annotations

from tasks.environments.hints import gather
from tasks.environments.languages import LANGUAGES
from tasks.environments.pinned import read_pinned
from tasks.environments.proposal import Needs, Proposal
from tasks.environments.tree import Tree


def propose(tree: Tree) -> Proposal:
    """What a repository needs: what it pins in ``.patchwright.yaml``, else what its files speak for.

    One language is served: the first that the repository has tests in. Another's manifest is mentioned only, since
    installing it costs time and nothing would run it.

    Raises:
        UsageError: ``.patchwright.yaml`` is not as it must be.
    """
    pinned = read_pinned(tree)
    if pinned is not None:
        return pinned
    hints = gather(tree)
    found = [needs for language in LANGUAGES if (needs := language(tree, hints)) is not None]
    chosen = next((needs for needs in found if needs.tests), found[0] if found else Needs("", tests=False))
    others = [needs.language for needs in found if needs.language != chosen.language]
    notes = [*chosen.notes, *hints.notes]
    if others:
        left_out = ", ".join(dict.fromkeys(others))
        notes.append(f"the {chosen.language} project is served; what its {left_out} needs is not installed")
    packages = tuple(dict.fromkeys((*chosen.packages, *hints.packages)))
    if not (packages or chosen.toolchain or chosen.install or chosen.image):
        return Proposal(notes=tuple(notes))
    return Proposal(
        image=chosen.image,
        packages=packages,
        toolchain=chosen.toolchain,
        install=chosen.install,
        env={**hints.env, **chosen.env},
        inputs=chosen.inputs,
        why=(*chosen.why, *hints.why),
        notes=tuple(notes),
    )
