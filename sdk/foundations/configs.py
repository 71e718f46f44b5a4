"""Scheduler configs: named YAML files that say how to reach a scheduler."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from foundations.errors import ConfigError
from foundations.home import Home
from foundations.transport.trust import SYSTEM, Trust, read_fingerprint

if TYPE_CHECKING:
    from foundations.yaml_source import YamlSource

DEFAULT_NAME = "scheduler"
SUFFIX = ".config.yaml"
URL_SCHEMES = ("unix", "http", "https", "ssh")
TOKEN_VARIABLE = "FOUNDATIONS_TOKEN"  # noqa: S105 - the name of a variable
"""A token for the scheduler that a command names, where its config holds none."""
_KNOWN_KEYS = ("scheduler_url", "token", "tls_fingerprint", "tls_ca")
# Files written for the original say where things lie on the server; the server knows that itself.
_IGNORED_KEYS = (
    "cache_config",
    "container_config_root",
    "end_point",
    "job_deployment_env",
    "job_results_root",
    "job_store_dir_root",
    "redis_url",
    "results_config",
    "worker",
    "working_dir_root",
)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")
# What `ensure_default` writes, with any comments above it. The signs are those that YAML takes as
# they are.
_OWN_FORM = re.compile(rb'(?:#[\x20-\x7e]*\n)*scheduler_url: "([\x20-\x21\x23-\x5b\x5d-\x7e]+)"\n?')
_LONGEST_OWN_FORM_BYTES = 2_000


@dataclass(frozen=True)
class SchedulerConfig:
    """How to reach one scheduler."""

    name: str
    path: Path
    scheduler_url: str
    token: str | None = field(default=None, repr=False)
    ignored: tuple[str, ...] = ()
    """Keys of the file that have no meaning here."""
    trust: Trust = SYSTEM
    """Who vouches for the scheduler, if its URL is an https one."""

    @property
    def is_local(self) -> bool:
        """Whether the scheduler runs on this machine and shares its files."""
        return self.scheduler_url.startswith("unix://")

    @property
    def is_by_ssh(self) -> bool:
        """Whether the scheduler is reached by ssh."""
        return self.scheduler_url.startswith("ssh://")

    @property
    def note(self) -> str | None:
        """What the file's author should know, or None."""
        if not self.ignored:
            return None
        keys = ", ".join(self.ignored)
        return f"{self.path}: the scheduler knows these by itself, ignored: {keys}"


@dataclass(frozen=True)
class ConfigFile:
    """A scheduler config that exists, valid or not."""

    name: str
    path: Path


def load(
    name: str, *, home: Home, cwd: Path | None = None, job_dir: Path | None = None
) -> SchedulerConfig:
    """Find and read the scheduler config `name`.

    A file in `config/submission` below the job directory or the current one wins over one of the
    same name in the home. Where it holds no token and leads to another machine, the token is that
    of `FOUNDATIONS_TOKEN`.

    Raises:
        ConfigError: there is none of that name, or it is not valid.
    """
    found = list_configs(home=home, cwd=cwd, job_dir=job_dir)
    for file in found:
        if file.name == name:
            return _with_token_of_environment(read(file))
    known = ", ".join(file.name for file in found) or "none"
    raise ConfigError(
        f"Could not find submission configuration with name: `{name}`. Known: {known}. "
        f"Configurations are files named <name>{SUFFIX} in {home.config_dir}."
    )


def list_configs(
    *, home: Home, cwd: Path | None = None, job_dir: Path | None = None
) -> list[ConfigFile]:
    """List the scheduler configs by name, each name once, as `load` would choose."""
    found: dict[str, ConfigFile] = {}
    for directory in _directories(home, cwd, job_dir):
        for file in _files(directory):
            found.setdefault(file.name, file)
    return [found[name] for name in sorted(found)]


def read(file: ConfigFile) -> SchedulerConfig:
    """Read and check one scheduler config.

    Raises:
        ConfigError: it is not valid; the text names file, line and the nearest known key.
    """
    url = _url_in_own_form(file.path)
    if url is not None and url_problem(url) is None:
        return SchedulerConfig(file.name, file.path, url)
    return _read_as_yaml(file)


def _read_as_yaml(file: ConfigFile) -> SchedulerConfig:
    from foundations.yaml_source import read_yaml, unknown_key

    try:
        source = read_yaml(file.path)
    except FileNotFoundError as error:
        raise ConfigError(f"{file.path} is gone") from error
    data = source.data
    if not isinstance(data, dict):
        raise ConfigError(f"{file.path}: no settings in it; it needs at least `scheduler_url`")
    for key in data:
        if key not in _KNOWN_KEYS and key not in _IGNORED_KEYS:
            raise ConfigError(source.complaint(unknown_key(str(key), _KNOWN_KEYS), (key,)))
    url = data.get("scheduler_url")
    if url is None:
        raise ConfigError(f"{file.path}: `scheduler_url` is missing")
    problem = url_problem(url)
    if problem is not None:
        raise ConfigError(source.complaint(f"`scheduler_url` {problem}", ("scheduler_url",)))
    ignored = tuple(sorted(key for key in data if key in _IGNORED_KEYS))
    trust = _trust(source, data, str(url))
    return SchedulerConfig(file.name, file.path, str(url), _token(source, data), ignored, trust)


def _token(source: YamlSource, data: Mapping[str, object]) -> str | None:
    token = data.get("token")
    if token is None:
        return None
    if not isinstance(token, str):
        raise ConfigError(source.complaint("`token` must be text: put it in quotes", ("token",)))
    _refuse_readable(source.path)
    return token


def _trust(source: YamlSource, data: Mapping[str, object], url: str) -> Trust:
    given = [key for key in ("tls_fingerprint", "tls_ca") if data.get(key) is not None]
    if not given:
        return SYSTEM
    key = given[0]
    value = data[key]
    if len(given) > 1:
        problem = "of `tls_fingerprint` and `tls_ca` one is enough: leave the other out"
    elif not url.startswith("https://"):
        problem = f"`{key}` means nothing without TLS: the URL must begin with https://"
    elif not isinstance(value, str):
        problem = f"`{key}` must be text: put it in quotes"
    elif key == "tls_ca":
        return Trust(ca=source.path.parent / Path(value).expanduser())
    else:
        fingerprint = read_fingerprint(value)
        if fingerprint is not None:
            return Trust(fingerprint=fingerprint)
        problem = "`tls_fingerprint` must be 64 hexadecimal digits, as `atlas-server tls-init` says"
    raise ConfigError(source.complaint(problem, (key,)))


def _refuse_readable(path: Path) -> None:
    """A token that other accounts can read is theirs as well."""
    if path.stat().st_mode & 0o077:
        raise ConfigError(
            f"{path}: others can read or change the token in it. Run: chmod 600 {path}"
        )


def _with_token_of_environment(config: SchedulerConfig) -> SchedulerConfig:
    token = os.environ.get(TOKEN_VARIABLE)
    if not token or config.token is not None:
        return config
    if not config.scheduler_url.startswith(("http://", "https://")):
        return config
    return replace(config, token=token)


def _url_in_own_form(path: Path) -> str | None:
    """Read a file as `ensure_default` writes it, or return None: then YAML has to be loaded.

    Loading the library takes longer than all else that a short command does.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_OWN_FORM_BYTES)
    except OSError:
        return None  # reading it as YAML meets the same, and tells of it
    if len(content) == _LONGEST_OWN_FORM_BYTES:
        return None  # there may be more of it
    found = _OWN_FORM.fullmatch(content)
    return found[1].decode("ascii") if found else None


def is_name(text: str) -> bool:
    """Tell whether a scheduler config can have this name."""
    return _NAME.fullmatch(text) is not None


def url_problem(url: object) -> str | None:
    """Say what is wrong with a scheduler's URL, or None when nothing is."""
    if not isinstance(url, str):
        return "must be text"
    if "<" in url or ">" in url:
        return f"still holds a placeholder: {url}"
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in URL_SCHEMES:
        return f"must start with {', '.join(f'{one}://' for one in URL_SCHEMES)}; it is {url}"
    if scheme == "unix" and not rest.startswith("/"):
        return f"needs an absolute path after unix://; it is {url}"
    return None if rest.strip("/") else f"names no host: {url}"


def ensure_default(home: Home) -> Path:
    """Write the config of this home's own scheduler, unless the file is there already."""
    path = home.config_dir / f"{DEFAULT_NAME}{SUFFIX}"
    if path.exists():
        return path
    home.create()
    home.config_dir.mkdir(parents=True, exist_ok=True)
    text = (
        "# The scheduler of this machine; it is started when none answers.\n"
        "# Copy this file to <name>.config.yaml and change the URL to reach another one.\n"
        f"scheduler_url: {json.dumps(f'unix://{home.socket}')}\n"
    )
    handle, temporary = tempfile.mkstemp(dir=home.config_dir, prefix=f".{DEFAULT_NAME}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    # A link, not a rename: whoever comes second must not replace a file that someone may have
    # edited in between.
    try:
        Path(path).hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink()
    return path


def _directories(home: Home, cwd: Path | None, job_dir: Path | None) -> Sequence[Path]:
    near = [directory for directory in (job_dir, cwd) if directory is not None]
    return [*(directory / "config" / "submission" for directory in near), home.config_dir]


def _files(directory: Path) -> Iterator[ConfigFile]:
    try:
        names = sorted(entry.name for entry in directory.iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for entry in names:
        name = entry.removesuffix(SUFFIX)
        if name != entry and is_name(name):
            yield ConfigFile(name, directory / entry)
