"""The shell programs that run inside a build. They need sh, git, and what every Debian or Alpine image has."""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterable

NO_GIT, NO_PYTHON = 96, 97

#: Variables that belong to a shell and not to an environment.
_NOT_KEPT = {"PWD", "OLDPWD", "SHLVL", "_", "PS1", "HOME", "HOSTNAME", "TERM"}

#: Git that runs nothing that a repository's configuration names. Shell text.
_GIT = """\
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE=/dev/null
export GIT_CONFIG_COUNT=6 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
export GIT_CONFIG_KEY_1=core.hooksPath GIT_CONFIG_VALUE_1=/dev/null
export GIT_CONFIG_KEY_2=core.fsmonitor GIT_CONFIG_VALUE_2=false
export GIT_CONFIG_KEY_3=core.logAllRefUpdates GIT_CONFIG_VALUE_3=false
export GIT_CONFIG_KEY_4=gc.auto GIT_CONFIG_VALUE_4=0 GIT_CONFIG_KEY_5=maintenance.auto GIT_CONFIG_VALUE_5=false
identity() {
    export GIT_AUTHOR_NAME=Patchwright GIT_AUTHOR_EMAIL=patchwright@localhost
    export GIT_COMMITTER_NAME=Patchwright GIT_COMMITTER_EMAIL=patchwright@localhost
    GIT_AUTHOR_DATE=$(git show -s --format=%cI "$1")
    export GIT_AUTHOR_DATE GIT_COMMITTER_DATE="$GIT_AUTHOR_DATE"
}
"""

#: Hides what is not tracked now from `git status`, so that it can never become part of a patch. Shell text.
_EXCLUDE = r"""
mkdir -p .git/info
git -c core.quotePath=false ls-files --others --directory --exclude-standard -z | tr '\0' '\n' |
    sed -e 's/[][*?\\!#]/\\&/g' -e 's/ $/\\ /' -e 's,^,/,' >>.git/info/exclude
"""

#: Makes what an installation did to the repository no change: what it made is excluded, what it changed is committed.
#: The tags that it was lent go. Prints the commit at HEAD.
_SETTLE = f"""{_EXCLUDE}
git for-each-ref --format='delete %(refname)' refs/tags | git update-ref --stdin
git update-index -q --refresh || true
if ! git diff-files --quiet; then
    identity HEAD
    git add --update
    git commit --quiet --no-verify --no-gpg-sign --message 'Changes made by the installation'
    rm -f .git/COMMIT_EDITMSG
fi
git rev-parse HEAD
"""
SETTLE = f"set -eu\n{_GIT}{_SETTLE}"

#: Leaves of a repository only what an installation added to it, and the list that hides this from `git status`: a copy
#: of the repository, at this commit or at another one that needs the same, is laid over it.
KEEP_PRODUCTS = f"""set -eu
{_GIT}{_EXCLUDE}
git ls-files -z | xargs -0 -r rm -f --
cp .git/info/exclude /tmp/patchwright-exclude
rm -rf .git
find . -mindepth 1 -depth -type d -empty -delete
mkdir -p .git/info
mv /tmp/patchwright-exclude .git/info/exclude
"""

#: Puts in the place of a repository's git directory a new one with what the commit $1 reaches and nothing else, then
#: settles it. The work tree stays as it is. Where the repository has no such commit, all of it becomes one commit. So
#: it does where $2 names a patch that is applied first, since the past would tell what that patch changed.
SEAL = f"""set -eu
unset GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
{_GIT}
[ "$(git rev-parse --show-toplevel)" = "$(pwd -P)" ]
old=$(git rev-parse --absolute-git-dir)
common=$(cd "$(git rev-parse --git-common-dir)" && pwd -P)
case $(git rev-parse --show-object-format 2>/dev/null) in sha256) format=--object-format=sha256 ;; *) format= ;; esac
if [ -n "$2" ]; then
    git update-index -q --refresh || true
    git apply --index "$2"
    identity HEAD
    commit=$(git commit-tree -m 'Initial state' "$(git write-tree)")
elif [ -z "$1" ] || ! commit=$(git rev-parse --quiet --verify "$1^{{commit}}"); then
    identity HEAD
    commit=$(git commit-tree -m 'Initial state' 'HEAD^{{tree}}')
fi
scratch=$(mktemp -d)
new=$scratch/.git
git -c init.defaultBranch=main init --quiet --template= $format "$scratch"
printf '%s\n' "$commit" |
    git pack-objects --quiet --revs --delta-base-offset "$new/objects/pack/pack" >/dev/null
if [ -f "$common/shallow" ]; then
    while read -r boundary; do
        if git --git-dir="$new" cat-file -e "$boundary" 2>/dev/null; then echo "$boundary"; fi
    done <"$common/shallow" >"$scratch/shallow"
    if [ -s "$scratch/shallow" ]; then mv "$scratch/shallow" "$new/shallow"; fi
fi
git ls-files --stage | sed -n 's/^160000 [^\t]*\t//p' | while read -r submodule; do rm -rf "./$submodule/.git"; done
rm -rf "$old" "$common" ./.git
mv "$new" .git
rm -rf "$scratch"
git update-ref refs/heads/main "$commit"
git symbolic-ref HEAD refs/heads/main
git read-tree HEAD
{_SETTLE}"""


def install(commands: Iterable[str], scratch: str, python: str | None, *, pins: bool = False, git: bool = True) -> str:
    """The program of a layer's install commands, in one shell, since one may activate what another needs.

    Args:
        commands: They run in order; the first that fails is the last.
        scratch: Directory in which the variables before and after them are left.
        python: Version of Python that has to be there.
        pins: Whether the packages of ``scratch/pins.txt`` are to be there at the end, in exactly these versions.
        git: Whether git has to be there.
    """
    lines = ["set -e"]
    if git:
        lines.append(f"command -v git >/dev/null || exit {NO_GIT}")
    if python:
        lines.append(f"command -v {shlex.quote(f'python{python}')} >/dev/null || exit {NO_PYTHON}")
    lines.append(f"env -0 >{scratch}/before")
    for command in commands:
        # `eval`, since the left side of an && may fail without ending a shell with -e.
        lines += [f"printf '+ %s\\n' {shlex.quote(command)}", f"eval {shlex.quote(command)}"]
    if pins:
        # Not as constraints of the commands: these would hold for what builds a package, too.
        lines.append(f"python -m pip install --quiet --no-deps -r {scratch}/pins.txt")
    lines.append(f"env -0 >{scratch}/after")
    return "\n".join(lines) + "\n"


def changed(before: bytes, after: bytes, build_only: Container[str]) -> dict[str, str]:
    """The variables that install commands set or changed.

    Args:
        before: What `install` left of them in the file ``before``.
        after: The same of ``after``.
        build_only: Names of those that only the build had.
    """
    old, new = _variables(before), _variables(after)
    return {
        name: value
        for name, value in new.items()
        if old.get(name) != value and name not in _NOT_KEPT and name not in build_only
    }


def _variables(entries: bytes) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in entries.decode("utf-8", "replace").split("\0") if entry)
    return {name: value for name, _, value in pairs}
