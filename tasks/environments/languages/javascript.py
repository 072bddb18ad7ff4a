"""What a JavaScript or TypeScript project needs: Node.js, and the packages of its manifest."""

from __future__ import annotations

from tasks.environments.debian import first_version, packaged
from tasks.environments.hints import Hints
from tasks.environments.proposal import Needs
from tasks.environments.tree import Tree

_INPUTS = ("package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", ".npmrc")
_WORKSPACES = ("pnpm-workspace.yaml", "lerna.json", ".yarnrc*")
_DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies", "workspaces")
_SCRIPTS = ("preinstall", "install", "postinstall", "prepare")
_CLEAN = "npm install --no-package-lock --no-audit --no-fund"


def needs(tree: Tree, hints: Hints) -> Needs | None:
    """The needs of a project with a package.json; ``None`` where there is none."""
    if "package.json" not in tree:
        return None
    manifest = tree.json("package.json")
    scripts = manifest.get("scripts")
    scripts = scripts if isinstance(scripts, dict) else {}
    tests = "test" in scripts and "no test specified" not in str(scripts["test"])
    why = ["package.json: the project is made for Node.js"]
    install = []
    version = _version(tree, manifest, hints)
    if version is not None:
        # The registry of npm has Node.js too, as a package.
        install.append(f"npm install --global --no-audit --no-fund node@{version}")
        why.append(f"the project is made for Node.js {version}; Debian has {packaged('node')}")
    if any(manifest.get(name) for name in _DEPENDENCIES):
        command, file = _packages(tree)
        install.append(command)
        why.append(f"{file} lists packages")
    runs_its_own = any(name in scripts for name in _SCRIPTS)
    return Needs(
        "JavaScript",
        tests,
        toolchain=("nodejs", "npm"),
        install=tuple(install),
        inputs=("**",) if runs_its_own else (*_INPUTS, *_WORKSPACES),
        why=tuple(why),
    )


def _packages(tree: Tree) -> tuple[str, str]:
    """The command of the package manager that the project uses, and the file that tells which it is."""
    if "package-lock.json" in tree or "npm-shrinkwrap.json" in tree:
        file = "package-lock.json" if "package-lock.json" in tree else "npm-shrinkwrap.json"
        return f"npm ci --no-audit --no-fund || {_CLEAN}", file
    if "pnpm-lock.yaml" in tree:
        return "npx --yes pnpm@9 install --frozen-lockfile", "pnpm-lock.yaml"
    if "yarn.lock" in tree:
        return "npx --yes yarn@1 install --frozen-lockfile --non-interactive", "yarn.lock"
    return _CLEAN, "package.json"


def _version(tree: Tree, manifest: dict[str, object], hints: Hints) -> int | None:
    """The major version of Node.js, where the project is made for a newer one than Debian's."""
    engines = manifest.get("engines")
    asked = str(engines.get("node", "")) if isinstance(engines, dict) else ""
    for text in (tree.text(".nvmrc"), tree.text(".node-version"), hints.versions.get("node", ""), asked):
        version = first_version(text)
        if version is not None:
            major = int(version.split(".")[0])
            return major if int(packaged("node")) < major < 100 else None
    return None
