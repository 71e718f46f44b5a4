"""Scheduler configs as files that commands write: made, removed, and given or deprived of a token.

Nothing that is written is readable by others, and comments of the user's stay.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from foundations import configs, default_config
from foundations.configs import ConfigFile, SchedulerConfig
from foundations.errors import ConfigError
from foundations.home import Home
from foundations.transport.address import Address, bearer
from foundations.transport.trust import SYSTEM, Trust, write_fingerprint
from foundations.yaml_source import read_yaml

_TOKEN_LINE = re.compile(r"(token|'token'|\"token\")\s*:")


def add(
    name: str,
    url: str,
    *,
    home: Home,
    token: str | None = None,
    trust: Trust = SYSTEM,
    replace: bool = False,
) -> SchedulerConfig:
    """Write a scheduler config into the home.

    Args:
        name: how commands will name it.
        url: where the scheduler is.
        home: whose config it is.
        token: kept in it, readable by its owner only.
        trust: who vouches for the scheduler, if the URL is an https one.
        replace: whether one of that name may be there already.

    Raises:
        ConfigError: the name or something else cannot be, or there is one of that name.
    """
    if not configs.is_name(name):
        raise ConfigError(
            f"`{name}` cannot be the name of a scheduler config: letters, digits and _ . @ - only, "
            "with a letter, digit or _ first."
        )
    path = home.config_dir / f"{name}{configs.SUFFIX}"
    if path.exists() and not replace:
        raise ConfigError(f"{path} is there already. Change it, or replace it with --force.")
    problem = configs.url_problem(url)
    if problem is not None:
        raise ConfigError(f"The URL of a scheduler {problem}")
    Address.parse(url)
    if token is not None:
        bearer(token)
    home.create()
    home.config_dir.mkdir(parents=True, exist_ok=True)
    _write_checked(path, _text(url, token, trust))
    return configs.read(ConfigFile(name, path))


def remove(name: str, *, home: Home) -> Path:
    """Remove a scheduler config of the home, and with it its token; returns where it was.

    Raises:
        ConfigError: there is none of that name, or it is this machine's own.
    """
    path = home.config_dir / f"{name}{configs.SUFFIX}"
    if name == configs.DEFAULT_NAME:
        raise ConfigError(
            f"`{name}` is this machine's own scheduler: the next command would write it again."
        )
    if not configs.is_name(name) or not path.exists():
        known = ", ".join(file.name for file in configs.list_configs(home=home)) or "none"
        raise ConfigError(
            f"There is no scheduler config `{name}` in {home.config_dir}. Known: {known}."
        )
    path.unlink()
    if default_config.default_name(home) == name:
        default_config.forget(home)
    return path


def keep_token(config: SchedulerConfig, token: str, *, home: Home) -> None:
    """Write a token into a scheduler config, which nobody else can read afterwards.

    Raises:
        ConfigError: it lies in a project, or its token has to be changed by hand.
    """
    bearer(token)
    if config.path.parent.resolve() != home.config_dir.resolve():
        raise ConfigError(
            f"{config.path} lies in a project: a token in it would go along with every job. Move "
            f"the file to {home.config_dir}, or put the token into {configs.TOKEN_VARIABLE}."
        )
    kept = _without_token(config.path).rstrip("\n")
    _write_checked(config.path, f"{kept}\ntoken: {json.dumps(token)}\n", expected=token)


def forget_token(config: SchedulerConfig) -> bool:
    """Take the token out of a scheduler config; returns whether there was one.

    Raises:
        ConfigError: it has to be taken out by hand.
    """
    if read_yaml(config.path).data.get("token") is None:
        return False
    _write_checked(config.path, _without_token(config.path))
    return True


def _text(url: str, token: str | None, trust: Trust) -> str:
    lines = [f"scheduler_url: {json.dumps(url)}"]
    if trust.fingerprint is not None:
        lines.append(f"tls_fingerprint: {json.dumps(write_fingerprint(trust.fingerprint))}")
    if trust.ca is not None:
        lines.append(f"tls_ca: {json.dumps(str(trust.ca))}")
    if token is not None:
        lines.append(f"token: {json.dumps(token)}")
    return "\n".join(lines) + "\n"


def _without_token(path: Path) -> str:
    """Leave out the line of the token, and those that continue it."""
    kept: list[str] = []
    in_token = False
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        in_token = bool(_TOKEN_LINE.match(line)) or (in_token and line[:1] in (" ", "\t"))
        if not in_token:
            kept.append(line)
    return "".join(kept)


def _write_checked(path: Path, text: str, *, expected: str | None = None) -> None:
    """Write a config, unless what is to be written does not say what it should."""
    target = path.resolve()  # a link stays one
    before = target.read_text(encoding="utf-8") if target.exists() else None
    default_config.write_privately(target, text)
    try:
        found = configs.read(ConfigFile(path.name.removesuffix(configs.SUFFIX), path))
        if expected is not None and found.token != expected:
            raise ConfigError(f"{path}: its token has to be changed by hand")
    except ConfigError:
        if before is None:
            target.unlink()
        else:
            default_config.write_privately(target, before)
        raise
