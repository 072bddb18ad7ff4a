"""Programs that run other programs, and what they run by their arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inner:
    """What a command runs.

    Attributes:
        commands: The words of other commands.
        scripts: Shell texts.
        reads_script: Whether it runs the shell text on its standard input.
    """

    commands: tuple[Words, ...] = ()
    scripts: tuple[str, ...] = ()
    reads_script: bool = False


@dataclass(frozen=True, slots=True)
class _Wrapper:
    """How to find the command in a wrapper's arguments: which options take a value, how many operands come first."""

    values: str = ""
    operands: int = 0
    #: Options that make it do something else.
    instead: str = ""


_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "rbash"})
_WRAPPERS = {
    "sudo": _Wrapper("-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt --chdir --chroot"),
    "doas": _Wrapper("-u -C"),
    "env": _Wrapper("-u -C --unset --chdir"),
    "timeout": _Wrapper("-s -k --signal --kill-after", 1),
    "nice": _Wrapper("-n --adjustment"),
    "ionice": _Wrapper("-c -n --class --classdata"),
    "chrt": _Wrapper("", 1),
    "taskset": _Wrapper("", 1),
    "chroot": _Wrapper("", 1),
    "nohup": _Wrapper(),
    "setsid": _Wrapper(),
    "stdbuf": _Wrapper("-i -o -e --input --output --error"),
    "time": _Wrapper("-f -o --format --output"),
    "command": _Wrapper(instead="-v -V"),
    "builtin": _Wrapper(),
    "exec": _Wrapper("-a"),
    "coproc": _Wrapper(),
    "xargs": _Wrapper(
        "-a -d -E -I -L -n -P -s --arg-file --delimiter --eof --replace --max-lines --max-args --max-procs --max-chars"
    ),
    "strace": _Wrapper("-e -o -p -s -u"),
    "ltrace": _Wrapper("-e -o -p -s -u"),
    "unshare": _Wrapper(),
    "flock": _Wrapper("-w -E --timeout --conflict-exit-code", 1),
    "xvfb-run": _Wrapper("-n -s -f -e -p -w --server-num --server-args"),
    "busybox": _Wrapper(),
    "toybox": _Wrapper(),
    "npx": _Wrapper("-p --package"),
    "bunx": _Wrapper(),
}
#: Of these, what follows a first word is run.
_RUNNERS = {
    "uv": ("run", "--with --extra --group --python -p"),
    "poetry": ("run", ""),
    "pipenv": ("run", ""),
    "pdm": ("run", ""),
    "hatch": ("run", ""),
    "conda": ("run", "-n -p --name --prefix"),
    "bundle": ("exec", ""),
}
#: The option behind which a shell text stands.
_TEXT_OPTIONS = {"su": "-c --command", "runuser": "-c --command", "script": "-c --command", "flock": "-c --command"}
_EXEC = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_PYTHON = re.compile(r"python[\d.]*|pypy[\d.]*")
_ASSIGNMENT = re.compile(r"\w+=")


def program(word: str) -> str:
    """The name of a program that is called by a path."""
    return word.rsplit("/", 1)[-1] or word


def inside(words: Words) -> Inner:
    """What a command runs, by its words.

    Args:
        words: The program and its arguments.
    """
    name, arguments = program(words[0]), words[1:]
    if name in _SHELLS:
        return _shell(arguments)
    if name == "eval":
        return Inner(scripts=(" ".join(arguments),))
    if name == "trap":
        return Inner(scripts=arguments[:1])
    if name == "alias":
        return Inner(scripts=tuple(word.partition("=")[2] for word in arguments if "=" in word))
    if name == "watch":
        return Inner(scripts=(" ".join(_rest(arguments, _Wrapper("-n --interval"))),))
    if name == "find":
        return Inner(tuple(_executed(arguments)))
    if _PYTHON.fullmatch(name):
        return Inner((arguments[arguments.index("-m") + 1 :],) if "-m" in arguments[:3] else ())
    texts = tuple(_values(arguments, _TEXT_OPTIONS.get(name, "")))
    if name == "env":
        texts = tuple(_values(arguments, "-S --split-string"))
    if texts or name in ("su", "runuser", "script"):
        return Inner(scripts=texts)
    if name in _WRAPPERS:
        return Inner((_rest(arguments, _WRAPPERS[name]),))
    if name in _RUNNERS and arguments[:1] == (_RUNNERS[name][0],):
        return Inner((_rest(arguments[1:], _Wrapper(_RUNNERS[name][1])),))
    return Inner()


def _shell(arguments: Words) -> Inner:
    """``sh -c text``, ``sh file``, or ``sh`` that reads its standard input."""
    text = reads = False
    for at, word in enumerate(arguments):
        if word in ("--help", "--version"):
            return Inner()
        if word[:1] in "-+" and len(word) > 1 and word != "--":
            if not word.startswith("--"):
                text, reads = text or "c" in word, reads or "s" in word
            continue
        if at and arguments[at - 1] in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file"):
            continue
        if word == "--":
            continue
        if text:
            return Inner(scripts=(word,))
        return Inner(reads_script=reads)
    return Inner(reads_script=True)


def _executed(arguments: Words) -> list[Words]:
    """The commands of ``find -exec``."""
    found = []
    for at, word in enumerate(arguments):
        if word in _EXEC:
            rest = arguments[at + 1 :]
            end = next((index for index, each in enumerate(rest) if each in (";", "+")), len(rest))
            found.append(rest[:end])
    return found


def _rest(arguments: Words, wrapper: _Wrapper) -> Words:
    """The arguments behind a wrapper's own."""
    values, at = wrapper.values.split(), 0
    while at < len(arguments):
        word = arguments[at]
        if word in wrapper.instead.split():
            return ()
        if word == "--":
            at += 1
            break
        if word.startswith("-") and len(word) > 1:
            at += 2 if takes_value(word, values) else 1
        elif _ASSIGNMENT.match(word):
            at += 1
        else:
            break
    return arguments[at + wrapper.operands :]


def takes_value(option: str, values: Sequence[str]) -> bool:
    """Whether the word behind an option is its value.

    Args:
        option: As it is written: ``-u``, ``-nu``, ``--user``.
        values: The options that take one.
    """
    if option.startswith("--"):
        return option in values
    return f"-{option[-1]}" in values and (len(option) == 2 or option[:2] not in values)


def _values(arguments: Words, options: str) -> list[str]:
    """The values of some options."""
    known = options.split()
    found = []
    for at, word in enumerate(arguments):
        name, separator, value = word.partition("=")
        if word in known and at + 1 < len(arguments):
            found.append(arguments[at + 1])
        elif separator and name in known and name.startswith("--"):
            found.append(value)
        elif not word.startswith("--") and len(word) > 2 and word[:2] in known:
            found.append(word[2:])
    return found
