"""Pack what strategies.py kept: every reply, observation, patch and verdict, with a checksum.

Run: python benchmarks/strategies_pack.py OUTPUT ARCHIVE.tar.xz [--data DIR]

Next to ARCHIVE.tar.xz lies ARCHIVE.tar.xz.sha256 as `sha256sum --check` reads it. The same files give the same archive:
names are sorted, times and owners left out, directories of this machine are called OUTPUT, DATA, PROJECT and HOME, and
its kernel RELEASE.
Unpacked, `agent inspect` shows our attempts and strategies.py prints the table.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import platform
import tarfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ("*.jsonl", "run.json", "chat.json", "preds.json", "results.json", "limits.json", "patch.diff", "*.traj.json")
LEFT_OUT = {"verdicts", "verdicts-designed"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="directory that strategies.py wrote")
    parser.add_argument("archive", type=Path, help="where to pack it")
    parser.add_argument("--data", type=Path, help="the directory of rows that was used")
    options = parser.parse_args()
    output = options.output.resolve()
    names = {str(output): "OUTPUT", str(ROOT): "PROJECT", str(Path.home()): "HOME", platform.release(): "RELEASE"}
    if options.data:
        names[str(options.data.resolve())] = "DATA"
    pack(output, options.archive, names)
    options.archive.with_name(f"{options.archive.name}.sha256").write_text(line(options.archive), "utf-8")
    print(f"{options.archive}: {options.archive.stat().st_size / 1024:,.0f} KiB")


def line(archive: Path) -> str:
    """The line of a file in the format of sha256sum."""
    return f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {archive.name}\n"


def pack(output: Path, archive: Path, names: dict[str, str]) -> None:
    """Write an archive of what is worth keeping.

    Args:
        output: Directory that strategies.py wrote.
        archive: File to write, compressed by xz.
        names: What to call what is this machine's: its directories, its kernel.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    longest_first = sorted(names.items(), key=lambda item: len(item[0]), reverse=True)
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for file in kept(output):
            text = file.read_bytes()
            for own, name in longest_first:
                text = text.replace(own.encode(), name.encode())
            entry = tarfile.TarInfo(f"{archive.name.removesuffix('.tar.xz')}/{file.relative_to(output)}")
            entry.size = len(text)
            packed.addfile(entry, io.BytesIO(text))


def kept(output: Path) -> Iterator[Path]:
    """The files of a run that are packed, in the order of their names."""
    for file in sorted(output.rglob("*")):
        inside = file.relative_to(output).parts
        if file.is_file() and not LEFT_OUT & set(inside) and any(file.match(pattern) for pattern in KEPT):
            yield file


if __name__ == "__main__":
    main()
