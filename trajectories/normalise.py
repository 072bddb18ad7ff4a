"""What may differ between an observation and the same action's observation at another time and in another place.

A text is read beside the clock of its own recording: a date counts as a reading of the clock only if it is that day,
a duration only if the action took that long. So a date in a file or a timeout in a source is content, and a change of
it is found.
"""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from trajectories.redact import MASK

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MONTH = "|".join(_MONTHS)
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_HOURS = r"\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?"

#: 2026-01-31, 2026-01-31T12:00:00.5+01:00, 20260131, 20260131-120000
_ISO = re.compile(
    rf"\b(20\d\d)([-/]?)(\d\d)\2(\d\d)(?:[T _-](?:{_HOURS}|\d{{6}})(?:\s?(?:Z|UTC|[+-]\d\d:?\d\d)\b)?|\b(?![-/\d]))"
)
#: Sat Jan 31 12:00:00 UTC 2026; Sat, 31 Jan 2026 12:00:00 GMT; Jan 31 12:00
_SPELT = re.compile(
    rf"(?:\b{_DAY},?\s+)?\b(?:(\d\d?)[ /-]({_MONTH})(?!\s+\d\d?\s)|({_MONTH})\s+(\d\d?))\b"
    rf"(?:,?[ /-]\s*20\d\d\b)?(?:(?:,?\s+|:){_HOURS}(?:\s[AP]M)?)?"
    rf"(?:\s+[A-Z]{{3,4}}\b)?(?:\s+20\d\d\b)?(?:\s+[+-]\d{{4}}\b)?"
)
_EPOCH = re.compile(r"(?<![\d.])(1\d{9})(?:(\.\d+)|\d{3}|\d{6}|\d{9})?(?![\d.])")
_CLOCK = re.compile(r"(?<![\d:.])([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:[.,]\d+)?(?![\d:])")
_LENGTH = re.compile(
    r"(?P<told>\b(?:in|took|after|elapsed|real|user|sys|total|time|duration)[\s:=]*)?"
    r"(?<![\w.])(?:(?P<minutes>\d+)m\s?)?(?P<number>\d+(?:\.\d+)?)\s?(?P<unit>seconds?|secs?|s|milliseconds?|msec|ms|usec|us|µs|μs|ns)\b"
)
#: What pytest and unittest list below "slowest durations". Which tests are on it, and where, is the clock's to say.
_SLOWEST = re.compile(
    r"(?P<title>^.*\bslowest\b.*\bdurations\b.*\n(?:-+\n)?)"
    r"(?P<list>(?:(?:[ \t]*\d+\.\d+s[ \t]+\S.*|\n?\(.*\bdurations\b.*\bhidden\b.*\))(?:\n+|\Z))+)",
    re.IGNORECASE | re.MULTILINE,
)
_ENTRY = re.compile(r"^[ \t]*(\d+\.\d+)s", re.MULTILINE)
_UNITS = {"m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}
_ADDRESS = re.compile(r"(?<=\bat )0x[0-9a-fA-F]+\b")
#: Names made by mkdtemp, mktemp and pytest.
_TEMPORARY = re.compile(
    r"/tmp/pytest-of-[\w.-]+/pytest-\d+|\btmp\.[A-Za-z0-9]{6,12}\b"
    r"|(?:(?<=tmp/)|(?<=tmp>/)|(?<=temp/)|(?<=/T/))tmp[a-z0-9_]{8}\b"
)
#: The directories of a sandbox without a container: its repository, home, and temporary files.
_HOST = re.compile(r"(?<![^\s'\"():=,;])[^\s'\"():=,;]*/sandboxes/[\w-]+/(\w+)")
#: What bash says of a job that a signal ended.
_SIGNALS = "Killed|Terminated|Aborted|Segmentation|Hangup|Interrupt|Quit|Bus|Floating|Illegal|Trace|Alarm|Broken"
_PROCESS = re.compile(
    r"(?P<before>(?i:\b(?:pid|process id)\b['\"]?\s*[:=#(]?\s*|\bprocess['\"]?\s*[:=#(]\s*)|^\[\d+\] |^==|/proc/"
    rf"|\bline \d+:\s+(?=\d+ (?:{_SIGNALS})))\d+(?=$|\W)",
    re.MULTILINE,
)
_WHOLE = re.compile(r"(?<![\w.,+-])[1-9]\d{0,6}(?![\w,]|\.\d)")
_FILL = re.compile(r"([=_~-])\1{2,}")


@dataclass(frozen=True, slots=True)
class Told:
    """A text and where and when it was told.

    Attributes:
        text: The text.
        root: The repository's directory there; ``""`` when unknown.
        time: Seconds since the epoch when it was recorded; 0 when unknown: then every date may be the clock's.
        took: Seconds that the action took.
        processes: Whether the action asked for the numbers of processes: then any whole number may be one.
    """

    text: str
    root: str = ""
    time: float = 0.0
    took: float = 0.0
    processes: bool = False


def alike(a: Told, b: Told, *, unordered: bool = False) -> bool:
    """Whether two texts are the same but for what may differ.

    Args:
        a: One.
        b: The other. A mask in either stands for any text.
        unordered: Whether the order of lines says nothing.
    """
    if a.text == b.text:
        return True
    # What both say is no accident, so it is tried to leave that alone; a clock may show the same twice, so not only.
    said = _varying(a) & _varying(b)
    for kept in (frozenset[str](), said) if said else (frozenset[str](),):
        left, right = (normalised(told, kept).split("\n") for told in (a, b))
        if unordered:
            left, right = sorted(left), sorted(right)
        if left == right or _masked(left, right) or _masked(right, left):
            return True
    return False


def difference(recorded: Told, now: Told, context: int = 3, names: tuple[str, str] = ("recorded", "now")) -> str:
    """A unified diff of two texts, with names in angle brackets for what may differ.

    Args:
        recorded: One.
        now: The other.
        context: Lines shown around each difference.
        names: What the two are called.
    """
    kept = frozenset(_varying(recorded) & _varying(now))
    left, right = (normalised(told, kept).split("\n") for told in (recorded, now))
    if left == right:
        left, right = recorded.text.split("\n"), now.text.split("\n")
    if not left[-1] and not right[-1]:
        left, right = left[:-1], right[:-1]
    return "\n".join(difflib.unified_diff(left, right, *names, lineterm="", n=context))


def normalised(told: Told, kept: frozenset[str] = frozenset()) -> str:
    """A text with names in angle brackets in place of what may differ.

    Args:
        told: The text.
        kept: Readings that are left as they are.
    """
    text = _HOST.sub(r"<\1>", told.text)
    if len(told.root) > 1:
        text = text.replace(told.root, "<tree>")
    text = _each(text, told, lambda name, found: found if found in kept else f"<{name}>")
    lines = text.split("\n")
    # Rulers are drawn to the width that the text on them leaves.
    return "\n".join(_FILL.sub(r"\1\1\1", line) if "<seconds>" in line else line for line in lines)


def by_chance(recorded: Told, now: Told, again: Told) -> bool:
    """Whether a text differs only where two executions of today differ from each other.

    Args:
        recorded: The recorded text.
        now: That of an execution now.
        again: That of another execution now, from the same beginning.
    """
    texts = [normalised(replace(told, processes=False)) for told in (recorded, now, again)]
    if texts[1] == texts[2] and not now.processes:
        return False
    then, words, other = (re.findall(r"\n|\S+|[^\S\n]+", text) for text in texts)
    loose = {place for low, high in _changed(words, other) for place in range(low, high + 1)}
    if now.processes:
        loose |= {place for place, word in enumerate(words) if _WHOLE.fullmatch(word)}
    loose |= _mostly(loose, words)
    if all(loose.issuperset(range(low, max(high, low + 1))) for low, high in _changed(words, then)):
        return True
    lines = [sorted(text.split("\n")) for text in texts]
    return lines[0] == lines[1] == lines[2]


def _each(text: str, told: Told, put: Callable[[str, str], str]) -> str:
    """The text with every reading replaced."""

    def when(near: Callable[[re.Match[str]], bool], name: str) -> Callable[[re.Match[str]], str]:
        return lambda match: put(name, match[0]) if near(match) else match[0]

    text = _SLOWEST.sub(lambda match: match["title"] + _slowest(match["list"], told, put), text)
    text = _TEMPORARY.sub(lambda match: put("temporary", match[0]), text)
    text = _ADDRESS.sub(lambda match: put("address", match[0]), text)
    text = _PROCESS.sub(lambda match: match["before"] + put("process", match[0][len(match["before"]) :]), text)
    text = _ISO.sub(when(lambda m: _same_day(told, int(m[3]), int(m[4]), int(m[1])), "time"), text)
    text = _SPELT.sub(when(lambda m: _same_day(told, _MONTHS.index(m[2] or m[3]) + 1, int(m[1] or m[4])), "time"), text)
    text = _EPOCH.sub(when(lambda m: not told.time or abs(int(m[1]) - told.time) < 86_400, "time"), text)
    text = _CLOCK.sub(when(lambda m: _same_hour(told, *map(int, m.groups())), "time"), text)
    text = _LENGTH.sub(lambda m: (m["told"] or "") + _length(m, told, put), text)
    return _WHOLE.sub(lambda match: put("process", match[0]), text) if told.processes else text


def _varying(told: Told) -> frozenset[str]:
    """The readings of a text."""
    found: set[str] = set()

    def note(name: str, reading: str) -> str:
        found.add(reading)
        return f"<{name}>"

    _each(told.text, told, note)
    return frozenset(found)


def _same_day(told: Told, month: int, day: int, year: int | None = None) -> bool:
    """Whether a date is that of the recording, whatever the time zone."""
    if not told.time:
        return True
    now = datetime.fromtimestamp(told.time, UTC)
    around = [now + timedelta(days=days) for days in (-1, 0, 1)]
    return any((date.month, date.day) == (month, day) and year in (None, date.year) for date in around)


def _same_hour(told: Told, hours: int, minutes: int, seconds: int) -> bool:
    """Whether a time of day is within minutes of the recording, in UTC or here."""
    if not told.time:
        return True
    read = hours * 3600 + minutes * 60 + seconds
    for zone in (time.gmtime(told.time), time.localtime(told.time)):
        apart = abs(zone.tm_hour * 3600 + zone.tm_min * 60 + zone.tm_sec - read)
        if min(apart, 86_400 - apart) <= 300 + told.took:
            return True
    return False


def _length(match: re.Match[str], told: Told, put: Callable[[str, str], str]) -> str:
    """A duration is a reading if the action took as long, and if it has a fraction or is told as one."""
    whole = match[0][len(match["told"] or "") :]
    seconds = float(match["number"]) * _UNITS.get(match["unit"][0], 1.0) + 60 * int(match["minutes"] or 0)
    read = match["told"] or "." in match["number"]
    return put("seconds", whole) if read and _within(told, seconds) else whole


def _slowest(entries: str, told: Told, put: Callable[[str, str], str]) -> str:
    """A list of the slowest tests is a reading if the action took as long as each of them."""
    if not all(_within(told, float(seconds)) for seconds in _ENTRY.findall(entries)):
        return entries
    return put("slowest", entries.rstrip("\n")) + "\n" * entries.endswith("\n")


def _within(told: Told, seconds: float) -> bool:
    """Whether an action may have taken so long."""
    return not told.time or seconds <= told.took * 1.5 + 0.02


def _masked(pattern: list[str], lines: list[str]) -> bool:
    """Whether lines fit a text in which masks stand for whatever was there."""
    text = "\n".join(pattern)
    if MASK not in text:
        return False
    rule = "[\\s\\S]*?".join(map(re.escape, text.split(MASK)))
    return re.fullmatch(rule, "\n".join(lines)) is not None


def _changed(words: list[str], other: list[str]) -> list[tuple[int, int]]:
    """The ranges of words in which another text differs."""
    matcher = difflib.SequenceMatcher(None, words, other, autojunk=False)
    return [(i1, i2) for kind, i1, i2, _, _ in matcher.get_opcodes() if kind != "equal"]


def _mostly(loose: set[int], words: list[str]) -> set[int]:
    """The words of lines of which half are by chance, so that the others may be equal by chance."""
    found: set[int] = set()
    line: list[int] = []
    for place, word in enumerate([*words, "\n"]):
        if word != "\n":
            line.append(place)
            continue
        said = [at for at in line if not words[at].isspace()]
        if 2 * len(loose.intersection(said)) >= len(said) > 0:
            found.update(line)
        line = []
    return found
