"""Data sets on the Hugging Face hub: their short names, and the files of a split."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError, UsageError
from tasks.datasets.rows import Say, holds_tasks

#: Short names; what follows a colon is the configuration.
SHORT_NAMES = {
    "lite": "SWE-bench/SWE-bench_Lite",
    "verified": "SWE-bench/SWE-bench_Verified",
    "full": "SWE-bench/SWE-bench",
    "multilingual": "SWE-bench/SWE-bench_Multilingual",
    "multimodal": "SWE-bench/SWE-bench_Multimodal",
    "live": "SWE-bench-Live/SWE-bench-Live",
    "live-multilang": "SWE-bench-Live/MultiLang",
    "pro": "ScaleAI/SWE-bench_Pro",
    "swe-smith": "SWE-bench/SWE-smith",
    "swe-gym": "SWE-Gym/SWE-Gym",
    "swe-gym-lite": "SWE-Gym/SWE-Gym-Lite",
    "humaneval": "openai/openai_humaneval",
    "humaneval-plus": "evalplus/humanevalplus",
    "humanevalfix": "bigcode/humanevalpack:python",
    "mbpp": "google-research-datasets/mbpp:full",
    "mbpp-sanitized": "google-research-datasets/mbpp:sanitized",
    "mbpp-plus": "evalplus/mbppplus",
    "apps": "codeparrot/apps",
}
_NAME = re.compile(r"([\w.-]+/[\w.-]+?)(?::([\w.-]+))?")
_SHARD = re.compile(r"([\w.]+?)-\d+-of-\d+(?:-[0-9a-f]+)?")
_SPLITS = {"train", "test", "dev", "validation"}


def is_name(reference: str) -> bool:
    """Whether a reference has the form of a data set's name: ``owner/name``, ``owner/name:configuration`` or short."""
    return reference in SHORT_NAMES or _NAME.fullmatch(reference) is not None


def download(name: str, split: str, say: Say) -> list[Path]:
    """The files of a split, from the hub or, when it does not answer, from its cache on this machine.

    The environment's ``HF_ENDPOINT``, ``HF_HOME`` and ``HF_TOKEN`` count.

    Args:
        name: Short name, ``owner/name`` or ``owner/name:configuration``.
        split: Name of the split, such as ``test``.
        say: Told which split is taken when there is only one, of another name.

    Raises:
        UsageError: There is no such data set, split or configuration, or ``huggingface_hub`` is not installed.
        InfrastructureError: The hub does not answer and the cache has no such data set.
    """
    try:
        import huggingface_hub
        import huggingface_hub.errors
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise UsageError(f"{name}: reading from the hub needs: pip install 'patchwright[datasets]'") from error
    hub: Any = huggingface_hub
    match = _NAME.fullmatch(SHORT_NAMES.get(name, name))
    assert match is not None
    repository, configuration = match[1], match[2] or ""
    disable_progress_bars()
    try:
        return _download(hub, repository, configuration, split, say)
    except hub.errors.RepositoryNotFoundError as error:
        raise UsageError(
            f"{repository}: neither a file here nor a data set on the hub (a private one needs HF_TOKEN)"
        ) from error
    except (OSError, hub.errors.HTTPError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InfrastructureError(f"{repository}: the Hugging Face hub gave no data: {reason[:300]}") from error


def _download(hub: Any, repository: str, configuration: str, split: str, say: Say) -> list[Path]:
    endpoint = os.environ.get("HF_ENDPOINT") or None
    try:
        found = hub.HfApi(endpoint=endpoint).dataset_info(repository, timeout=30)
        names = [sibling.rfilename for sibling in found.siblings or []]
    except hub.errors.RepositoryNotFoundError:
        raise
    except (OSError, hub.errors.HTTPError):
        folder = _cached(hub, repository)
        if folder is None:
            raise
        say(f"{repository}: the hub does not answer, the copy in its cache is read")
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        return [folder / name for name in choose(repository, names, split, configuration, say)]
    chosen = choose(repository, names, split, configuration, say)
    folder = Path(hub.snapshot_download(repository, repo_type="dataset", endpoint=endpoint, allow_patterns=chosen))
    return [folder / name for name in chosen]


def _cached(hub: Any, repository: str) -> Path | None:
    """The newest copy in the library's cache. It holds some of the files only, which the library itself refuses."""
    folder = Path(hub.constants.HF_HUB_CACHE, f"datasets--{repository.replace('/', '--')}")
    try:
        snapshot = folder / "snapshots" / (folder / "refs" / "main").read_text().strip()
    except OSError:
        return None
    return snapshot if snapshot.is_dir() else None


def choose(repository: str, names: Iterable[str], split: str, configuration: str, say: Say) -> list[str]:
    """The data files of one split among a repository's files, sorted.

    A file is of the split that its name tells (``test.jsonl``, ``data/test-00000-of-00002.parquet``), and of every
    split when it tells none; the folder it is in, other than ``data``, is its configuration.

    Raises:
        UsageError: There is none, or there are several configurations to choose from.
    """
    files = [name for name in sorted(names) if holds_tasks(name) and _folders(name).isdisjoint({".", ".."})]
    if configuration:
        files = [name for name in files if configuration in _folders(name)]
    files = [name for name in files if _split(name, split) is not None or _is_data(name)]
    splits = {_split(name, split) for name in files} - {None}
    if split not in splits and None in {_split(name, split) for name in files}:
        wanted: str | None = None
    elif split not in splits and len(splits) == 1:
        (wanted,) = splits
        say(f"{repository}: has no split {split}, its only one is read: {wanted}")
    else:
        wanted = split
    chosen = [name for name in files if _split(name, split) == wanted]
    if not chosen:
        known = ", ".join(sorted(filter(None, splits))) or "none that can be read"
        raise UsageError(f"{repository}: has no split {split!r}{_of(configuration)}; it has: {known}")
    configurations = {name.rpartition("/")[0] for name in chosen}
    if len(configurations) > 1:
        labels = sorted({_configuration(folder) for folder in configurations})
        raise UsageError(f"{repository}: choose a configuration: {', '.join(f'{repository}:{x}' for x in labels)}")
    return chosen


def _split(name: str, wanted: str) -> str | None:
    stem = name.rpartition("/")[2].split(".")[0]
    shard = _SHARD.fullmatch(stem)
    if shard:
        return shard[1]
    return stem if stem in _SPLITS or stem == wanted else None


def _is_data(name: str) -> bool:
    """Whether a file without a split in its name holds rows, not settings."""
    return name.endswith((".jsonl", ".jsonl.gz", ".parquet"))


def _folders(name: str) -> set[str]:
    return set(name.split("/")[:-1])


def _configuration(folder: str) -> str:
    return next((part for part in folder.split("/") if part != "data"), folder or ".")


def _of(configuration: str) -> str:
    return f" in the configuration {configuration!r}" if configuration else ""
