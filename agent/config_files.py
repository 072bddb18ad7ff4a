"""Reads and layers configuration; names what is wrong with it in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from aci_tools.errors import UsageError
from agent.config import Config

Tree = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML in which no key stands twice in one mapping: the last would count, and the others be lost unsaid."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.composer.ComposerError(None, None, f"{key.value} stands there twice", key.start_mark)
            seen.add(key.value)
        return node


# A number such as 1e-3, which the YAML of old takes for a text.
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))


def profiles() -> list[str]:
    """Names of the shipped profiles."""
    return sorted(
        p.name.removesuffix(".yaml") for p in resources.files("agent.profiles").iterdir() if p.name.endswith(".yaml")
    )


def load_config(
    files: Iterable[str] = (),
    settings: Iterable[str] = (),
    flags: Mapping[str, Any] | None = None,
    *,
    recorded: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """The effective configuration.

    Args:
        files: Shipped profiles by name, or paths of YAML files; later ones win.
        settings: ``a.b=value`` each, the value read as YAML, a text's as it is written; they win over files.
        flags: Dotted keys with values; ``None`` values are left out; they win over all.
        recorded: Settings of an attempt by section and key, which everything else wins over.

    Raises:
        UsageError: A file cannot be read, a key is unknown (the nearest known one is named), a value does not fit.
    """
    tree: Tree = {}
    _merge(tree, recorded or {}, "recorded settings")
    for name in files:
        _merge(tree, _read(name), name)
    for text in settings:
        key, separator, value = text.partition("=")
        if not separator:
            raise UsageError(f"--set {text}: write it as key=value, for example --set limits.steps=50")
        _merge(tree, _nest(key.strip(), _value(key.strip(), value)), f"--set {key}")
    for key, value in (flags or {}).items():
        if value is not None:
            _merge(tree, _nest(key, value), key)
    return _validated(tree)


def laid_over(config: Config, settings: Mapping[str, Any], origin: str) -> Config:
    """A configuration with some settings changed.

    Args:
        config: The configuration.
        settings: Values by dotted key.
        origin: What gave them, for messages.

    Raises:
        UsageError: A key is unknown, or a value does not fit.
    """
    tree = config.model_dump(mode="json")
    for key, value in settings.items():
        _merge(tree, _nest(str(key), value), origin)
    return _validated(tree, origin)


def dump_config(config: Config) -> str:
    """The configuration as YAML with its documentation as comments, in a form that ``--config`` accepts."""
    lines: list[str] = []
    for section, model in config:
        lines.append(f"# {(type(model).__doc__ or '').splitlines()[0]}")
        lines.append(f"{section}:")
        for name, field in type(model).model_fields.items():
            value = model.model_dump(mode="json")[name]
            text = yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, width=110).rstrip()
            lines.extend(f"  # {line}" for line in (field.description or "").splitlines())
            lines.extend(f"  {line}" for line in text.splitlines())
        lines.append("")
    return "\n".join(lines)


def _validated(tree: Tree, origin: str = "") -> Config:
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        unknown = (one for one in error.errors() if one["type"] == "extra_forbidden")
        first = next(unknown, error.errors()[0])
        where = ".".join(str(part) for part in first["loc"])
        before = f"{origin}: " if origin else ""
        if first["type"] == "extra_forbidden":
            raise UsageError(before + _unknown(where, _all_keys())) from None
        if first["type"] == "value_error":  # of our own, which says what was given
            raise UsageError(f"{before}{where}: {first['msg'].removeprefix('Value error, ')}") from None
        quotes = first["type"] == "string_type" and isinstance(first["input"], int | float)
        hint = "; write it in quotes" if quotes else ""
        raise UsageError(f"{before}{where}: {first['msg']} (given: {first['input']!r}){hint}") from None


def _value(key: str, text: str) -> Any:
    """The value that ``--set`` gives to a key: what is a text anyway is not read as YAML, unless it is quoted."""
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text.strip()
    kinds = _kinds(key)
    if str not in kinds or (value is None and type(None) in kinds):
        return value
    return value if isinstance(value, str) and text.lstrip()[:1] in ('"', "'", "|", ">") else text.strip()


def _kinds(key: str) -> tuple[Any, ...]:
    """The types that the value of a dotted key may have; none for a key that is unknown."""
    section, _, rest = key.partition(".")
    name, _, inner = rest.partition(".")
    schema = _schema(section)
    if schema is None or name not in schema.model_fields:
        return ()
    kind = schema.model_fields[name].annotation
    if inner:
        kind = get_args(kind)[1] if get_origin(kind) is dict else None
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def _schema(section: str) -> type[BaseModel] | None:
    field = Config.model_fields.get(section)
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _read(name: str) -> Tree:
    source = resources.files("agent.profiles") / f"{name}.yaml" if name in profiles() else Path(name).expanduser()
    try:
        text = source.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        known = ", ".join(profiles())
        raise UsageError(f"--config {name}: no such file, and no such profile (there are: {known})") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--config {name}: cannot be read ({error})") from None
    try:
        tree = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise UsageError(f"{name}:{place} {problem}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: {error}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise UsageError(f"{name}: expected sections such as `model:` and `limits:`, found {type(tree).__name__}")
    return tree


def _nest(key: str, value: Any) -> Tree:
    for part in reversed(key.split(".")):
        value = {part: value}
    assert isinstance(value, dict)
    return value


def _merge(tree: Tree, layer: Mapping[str, Any], origin: str) -> None:
    """Lay ``layer`` over ``tree``, section by section; unknown keys are refused here, where their origin is known."""
    for section, values in layer.items():
        schema = _schema(section)
        if schema is None:
            if section in (known := _all_keys()):
                above, _, key = section.partition(".")
                raise UsageError(f"{origin}: {section}: write `{above}:`, and indented below it `{key}:`")
            raise UsageError(f"{origin}: {_unknown(str(section), known)}")
        if values is None:
            continue
        if not isinstance(values, Mapping):
            raise UsageError(
                f"{origin}: {section} is a section with keys such as {', '.join(list(schema.model_fields)[:3])}"
            )
        target = tree.setdefault(section, {})
        for key, value in values.items():
            if key not in schema.model_fields:
                raise UsageError(f"{origin}: {_unknown(f'{section}.{key}', _all_keys())}")
            _overlay(target, str(key), value, schema)


def _overlay(target: Tree, key: str, value: Any, schema: type[BaseModel]) -> None:
    """Mappings whose keys the user chooses are merged; everything else is replaced."""
    annotation = schema.model_fields[key].annotation
    free = dict in (getattr(annotation, "__origin__", annotation), *get_args(annotation))
    if free and isinstance(value, Mapping):
        target[key] = {**target.get(key, {}), **value}
    else:
        target[key] = value


def _all_keys() -> list[str]:
    return list(_keys(Config))


def _keys(schema: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in schema.model_fields.items():
        yield above + name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _keys(kind, f"{above}{name}.")


def _unknown(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if not near:
        last = key.rpartition(".")[2]
        near = [k for k in known if k.rpartition(".")[2] == last]
    hint = f"did you mean {near[0]}?" if near else "`agent config show` lists every key"
    return f"unknown key {key}; {hint}"
