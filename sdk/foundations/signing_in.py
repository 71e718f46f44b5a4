"""Signs in at a scheduler: a token is tried there, and kept in the scheduler config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from foundations import config_files, configs, default_config
from foundations.errors import ConfigError
from foundations.home import Home

if TYPE_CHECKING:
    from foundations.configs import SchedulerConfig
    from foundations.models import CallerView


def login(token: str, scheduler_config: str | None = None) -> CallerView:
    """Try a token at a scheduler, and keep it in the scheduler config, at mode 0600.

    Args:
        token: what `atlas-server token create` printed.
        scheduler_config: name of a scheduler config; the default one when it is left out.

    Returns:
        As whom the scheduler knows the token, and what its role is.

    Raises:
        ConfigError: the scheduler needs no token, or its config cannot hold one.
        NotAuthorised: the scheduler does not know the token; nothing was kept.
        Unreachable: the scheduler gives no answer; nothing was kept.
    """
    from foundations.client import Client

    home = Home.default()
    config = named(scheduler_config, home=home)
    if not config.scheduler_url.startswith(("http://", "https://")):
        raise ConfigError(
            f"`{config.name}` needs no token: its scheduler knows you by your account there."
        )
    with Client(config.scheduler_url, token=token, trust=config.trust) as client:
        me = client.whoami()
    config_files.keep_token(config, token, home=home)
    return me


def logout(scheduler_config: str | None = None) -> bool:
    """Take the token out of a scheduler config. The token itself holds on until it is revoked.

    Args:
        scheduler_config: name of a scheduler config; the default one when it is left out.

    Returns:
        Whether there was one.

    Raises:
        ConfigError: there is no such config, or its token has to be taken out by hand.
    """
    return config_files.forget_token(named(scheduler_config, home=Home.default()))


def named(scheduler_config: str | None, *, home: Home) -> SchedulerConfig:
    """Read a scheduler config, by default the default one.

    Raises:
        ConfigError: there is none of that name, or it is not valid.
    """
    configs.ensure_default(home)
    name = scheduler_config or default_config.default_name(home)
    return configs.load(name, home=home, cwd=Path.cwd())
