"""How a build reaches the network as this machine does: pip's indexes, proxies and certificate authorities.

All of it goes to the build's commands only, as variables of one process and files of a volume. Nothing of it becomes
part of an image, and no password of it stands in a log.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tasks.pip_settings import pip_settings

#: Options of pip that say where packages come from and how they are reached.
_PIP_OPTIONS = ("index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "proxy", "retries")
_PIP_LISTS = ("extra-index-url", "find-links", "trusted-host")
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
_CERTIFICATES = (
    "PIP_CERT",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_CAFILE",
    "CARGO_HTTP_CAINFO",
)
#: Where other package managers than pip look.
_REGISTRIES = ("npm_config_registry", "goproxy", "gonosumdb", "gosumdb")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Reach:
    """The way to the network.

    Attributes:
        env: Variables of a build's commands.
        authorities: File of this machine's certificate authorities, if it has one.
        directories: Local directories that pip looks into.
        secrets: Passwords in ``env``, to be kept out of logs.
        loopback: Whether something of it listens on this machine only, so that a build has to share its network.
    """

    env: Mapping[str, str]
    authorities: Path | None
    directories: tuple[Path, ...]
    secrets: tuple[str, ...]
    loopback: bool

    @classmethod
    def of_this_machine(cls) -> Reach:
        """What pip's configuration and the environment say."""
        settings = pip_settings()
        env: dict[str, str] = {}
        for option in _PIP_OPTIONS:
            words = list(dict.fromkeys(settings.get(option, [])))
            if words:
                env[f"PIP_{option.upper().replace('-', '_')}"] = " ".join(words if option in _PIP_LISTS else words[:1])
        if timeout := settings.get("timeout", settings.get("default-timeout")):
            env["PIP_DEFAULT_TIMEOUT"] = timeout[0]
        for name, value in os.environ.items():
            if name.lower() in (*_PROXIES, *_REGISTRIES) and value:
                env[name] = value
        words = [word for value in env.values() for word in value.split()]
        hosts = {urlsplit(word).hostname for word in words if "://" in word}
        return cls(
            env,
            _authorities(settings.get("cert", [])),
            _directories(words),
            _secrets(words),
            not hosts.isdisjoint(_LOOPBACK),
        )

    def for_strangers(self) -> Reach:
        """What of it a repository's own installation may see: no password, and nothing that is on this machine."""
        env = {name: " ".join(filter(_is_public, value.split())) for name, value in self.env.items()}
        return Reach({name: value for name, value in env.items() if value}, self.authorities, (), (), loopback=False)

    def variables(self, authorities: str) -> dict[str, str]:
        """The variables of a build's commands.

        Args:
            authorities: Where the build finds the file of certificate authorities.
        """
        certificates = dict.fromkeys(_CERTIFICATES, authorities) if self.authorities else {}
        return {**certificates, **self.env}

    def clean(self, text: str) -> str:
        """A text without the passwords."""
        for secret in self.secrets:
            text = text.replace(secret, "****")
        return text


def _is_public(word: str) -> bool:
    """Whether a word of a setting is no local path, no address of this machine and none with a password."""
    if "://" not in word:
        return not word.startswith(("/", "~", "."))
    parts = urlsplit(word)
    return parts.scheme != "file" and "@" not in parts.netloc and parts.hostname not in _LOOPBACK


def _authorities(configured: Iterable[str]) -> Path | None:
    candidates = [*configured, *(os.environ.get(name) for name in _CERTIFICATES), ssl.get_default_verify_paths().cafile]
    return next((Path(name) for name in candidates if name and Path(name).is_file()), None)


def _directories(words: Iterable[str]) -> tuple[Path, ...]:
    """Directories named by path or file URL; of a simple index the one above, where its files lie."""
    found: list[Path] = []
    for word in words:
        path = Path(unquote(urlsplit(word).path)) if word.startswith("file:") else Path(word)
        if path.is_absolute() and path.is_dir():
            found.append(path.parent if path.name == "simple" and len(path.parts) > 2 else path)
    return tuple(dict.fromkeys(found))


def _secrets(words: Iterable[str]) -> tuple[str, ...]:
    found: set[str] = set()
    for word in words:
        user, at, _ = (urlsplit(word).netloc if "://" in word else "").rpartition("@")
        name, colon, password = user.partition(":")
        if at:
            secret = password if colon else name
            found |= {secret, unquote(secret)}
    return tuple(sorted((secret for secret in found if len(re.sub(r"\s", "", secret)) > 2), key=len, reverse=True))
