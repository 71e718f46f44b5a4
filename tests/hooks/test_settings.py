"""What `hooks:` in server.yaml may say, and what is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from atlas_scheduler.settings import ServerSettings
from foundations.errors import ConfigError


def load(tmp_path: Path, **hooks: object) -> ServerSettings:
    path = tmp_path / "server.yaml"
    path.write_text(yaml.safe_dump({"hooks": hooks}))
    return ServerSettings.load(path)


def web(url: str) -> list[dict[str, str]]:
    return [{"url": url}]


def test_without_the_section_nobody_is_told() -> None:
    hooks = ServerSettings().hooks
    assert (hooks.commands, hooks.webhooks, hooks.notices, hooks.allowed_hosts) == ((), (), (), ())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://hooks.example.org/", "must begin with https://"),
        ("ftp://hooks.example.org/", "must begin with https://"),
        ("https:///path", "name a host"),
        ("https://ada:pw@hooks.example.org/", "no user and no password"),
        ("https://hooks.example.org/a b", "no spaces"),
        ("https://hooks.example.org/\r\nX-Evil: 1", "no spaces"),
        ("https://hooks.example.org:99999/", "Port out of range"),
        ("https://other.example.org/", "add `other.example.org` to `allowed_hosts`"),
        ("https://hooks.example.org.evil.org/", "add `hooks.example.org.evil.org`"),
        ("https://hooks.example.org@evil.org/", "no user"),
    ],
)
def test_a_url_that_webhooks_may_not_have_is_refused(tmp_path: Path, url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load(tmp_path, webhooks=web(url), allowed_hosts=["hooks.example.org"])


def test_a_host_is_allowed_by_its_name_in_any_case(tmp_path: Path) -> None:
    hooks = load(
        tmp_path,
        webhooks=web("https://Hooks.Example.ORG:8443/x"),
        allowed_hosts=["hooks.EXAMPLE.org"],
    ).hooks
    assert hooks.webhooks[0].host == "hooks.example.org"


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ({"commands": [{"run": "echo $HOME"}]}, "run"),
        ({"commands": [{"run": []}]}, "must not be empty"),
        ({"commands": [{"run": ["x"], "states": ["running"]}]}, "no job ends as `running`"),
        ({"notices": [{}]}, "one of `url` and `url_file`"),
        ({"notices": [{"url": "a://b", "url_file": "c"}]}, "one of `url` and `url_file`"),
        ({"webhook": []}, "unknown key `webhook`. Did you mean `webhooks`"),
    ],
)
def test_what_no_hook_can_be_is_refused(
    tmp_path: Path, section: dict[str, object], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        load(tmp_path, **section)
