"""The little of Markdown that reading an issue takes: its title, its code, its images, its hidden comments."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})", re.MULTILINE)
#: A fenced block (to the end of the text if it is never closed), code within a line, or the start of a comment.
_CODE_OR_COMMENT = re.compile(
    r"^[ \t>]*(?P<fence>`{3,}|~{3,})[^\n]*(?:\n.*?(?:^[ \t>]*(?P=fence)|\Z)|\Z)|`[^`\n]+`|<!--",
    re.MULTILINE | re.DOTALL,
)
#: An image of Markdown, or of HTML. What is between the brackets is bounded, so that hostile text takes no time.
_IMAGE = re.compile(
    r"!\[(?P<words>[^\[\]\n]{0,300})\]\(\s{0,9}<?(?P<address>[^\s()<>]*)>?[^()\n]{0,300}\)"
    r"|<img\b(?P<tag>[^<>]{0,2000})>",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""\b(src|alt)\s?=\s?(["'])(.*?)\2""", re.IGNORECASE | re.DOTALL)
#: All of an address but its path.
_NO_PATH = re.compile(r"^(?:[\w+.-]+:)?//[^/?#]*|[?#].*", re.DOTALL)
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(?P<title>.*?)[ \t]*#*[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*")


def split_title(text: str) -> tuple[str, str]:
    """The title of a text and the rest of it.

    The title is the first heading if nothing but a header of metadata comes before it, else a heading of the first
    level anywhere outside code, else the first line.
    """
    lines = _unified(text).split("\n")
    lines = lines[_metadata(lines) :]
    start = next((place for place, line in enumerate(lines) if line.strip()), 0)
    lines = lines[start:] or [""]
    heading = _HEADING.fullmatch(lines[0])
    if heading and heading["title"]:
        return heading["title"], "\n".join(lines[1:])
    if len(lines) > 1 and _UNDERLINE.fullmatch(lines[1]):
        return lines[0].strip(), "\n".join(lines[2:])
    fence = ""
    for place, line in enumerate(lines):
        mark = _FENCE.match(line)
        if mark:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence and line.startswith("# ") and line[2:].strip():
            return line[2:].strip(" #"), "\n".join(lines[:place] + lines[place + 1 :])
    return lines[0].strip(), "\n".join(lines[1:])


def _metadata(lines: list[str]) -> int:
    """How many lines a YAML header takes."""
    if lines[0].strip() != "---":
        return 0
    return next((place + 1 for place, line in enumerate(lines) if place and line.strip() == "---"), 0)


def without_comments(text: str) -> str:
    """A text without its HTML comments; those in code stay, and one that is never closed too."""
    text = _unified(text)
    kept: list[str] = []
    done = place = 0
    while match := _CODE_OR_COMMENT.search(text, place):
        place = match.end()
        if match[0] != "<!--":
            continue
        end = text.find("-->", place)
        if end < 0:
            break
        kept.append(text[done : match.start()])
        done = place = end + len("-->")
    kept.append(text[done:])
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip() if len(kept) > 1 else text.strip()


def prose(text: str) -> str:
    """A text without its code and its HTML comments."""
    kept: list[str] = []
    done = 0
    text = without_comments(text)
    for match in _CODE_OR_COMMENT.finditer(text):
        kept.append(text[done : match.start()])
        done = match.end()
    return " ".join([*kept, text[done:]])


def with_images_named(text: str) -> str:
    """A text with a name in the place of each image; those in code stay as they are."""
    kept: list[str] = []
    done = 0
    for match in _CODE_OR_COMMENT.finditer(text):
        kept += [_IMAGE.sub(_name, text[done : match.start()]), match[0]]
        done = match.end()
    return "".join([*kept, _IMAGE.sub(_name, text[done:])])


def _name(image: re.Match[str]) -> str:
    address, words = image["address"], image["words"]
    if image["tag"] is not None:
        attributes = {key.lower(): value for key, _, value in _ATTRIBUTE.findall(image["tag"])}
        address, words = attributes.get("src", ""), attributes.get("alt", "")
    file = "" if address.startswith("data:") else _NO_PATH.sub("", address).rpartition("/")[2]
    said = dict.fromkeys(word for word in (" ".join((words or "").split()), file) if word)
    return f"[image: {', '.join(said) or 'no name'}]"


def shorten_code(text: str, head: int = 20, tail: int = 40) -> str:
    """A text whose blocks of code have at most so many of their first and last lines; how many went is said."""

    def cut(match: re.Match[str]) -> str:
        lines = match[0].split("\n")
        left_out = len(lines) - head - tail
        if match["fence"] is None or left_out < 2:
            return match[0]
        return "\n".join([*lines[:head], f"[{left_out} lines left out]", *lines[-tail:]])

    return _CODE_OR_COMMENT.sub(cut, text)


def shorten(text: str, limit: int) -> str:
    """The beginning of a text, up to the end of a line where there is one; a cut block of code is closed.

    Args:
        text: The text.
        limit: Characters that the result may have at most, what is said of the rest included.
    """
    if len(text) <= limit:
        return text
    note = f"\n[{len(text)} characters in all]"
    head = text[: max(0, limit - len(note) - len("\n```"))]
    whole_lines = head.rpartition("\n")[0]
    head = whole_lines if len(whole_lines) > len(head) // 2 else head
    fences = [match[1] for match in _FENCE.finditer(head)]
    return (head + ("\n" + fences[-1] if len(fences) % 2 else "") + note)[:limit]


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
