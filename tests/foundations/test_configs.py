"""Scheduler configs: where they are found, what they may say, and the default one."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from foundations import configs
from foundations.errors import ConfigError
from foundations.home import Home
from foundations.transport.trust import Trust

SEED_CONFIG = """\
cache_config:
  end_point: /cache_end_point
container_config_root: /home/x/.foundations/config/local_docker_scheduler/worker_config
job_deployment_env: local_docker_scheduler_plugin
job_results_root: /home/x/.foundations/job_data
scheduler_url: http://10.0.0.7:5000
working_dir_root: /home/x/.foundations/local_docker_scheduler/work_dir
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def write(directory: Path, name: str, text: str = "scheduler_url: http://here:1\n") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.config.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_config_of_the_original_is_understood_and_what_it_says_too_much_noted(
    home: Home,
) -> None:
    path = write(home.config_dir, "aws", SEED_CONFIG)

    config = configs.load("aws", home=home)

    assert (config.name, config.path) == ("aws", path)
    assert config.scheduler_url == "http://10.0.0.7:5000"
    assert config.note == (
        f"{path}: the scheduler knows these by itself, ignored: cache_config, "
        "container_config_root, job_deployment_env, job_results_root, working_dir_root"
    )


def test_the_url_alone_is_enough_and_a_token_may_come_with_it(home: Home) -> None:
    write(home.config_dir, "lab", "scheduler_url: https://lab:5000\ntoken: secret\n")

    config = configs.load("lab", home=home)

    assert (config.token, config.note, config.is_local) == ("secret", None, False)
    assert "secret" not in repr(config)


def test_a_file_near_the_project_wins_over_one_near_the_user_and_one_in_the_home(
    home: Home, tmp_path: Path
) -> None:
    places = [tmp_path / "project", tmp_path / "cwd"]
    for place in places:
        write(place / "config" / "submission", "x")
    write(home.config_dir, "x")

    def found() -> Path:
        return configs.load("x", home=home, cwd=places[1], job_dir=places[0]).path.parents[2]

    assert found() == places[0]
    (places[0] / "config" / "submission" / "x.config.yaml").unlink()
    assert found() == places[1]
    (places[1] / "config" / "submission" / "x.config.yaml").unlink()
    assert found() == home.root


def test_configs_are_listed_by_name_each_once(home: Home, tmp_path: Path) -> None:
    near = write(tmp_path / "config" / "submission", "b")
    write(home.config_dir, "b")
    write(home.config_dir, "a", "broken: [")
    write(home.config_dir, ".hidden")
    (home.config_dir / "notes.yaml").touch()

    found = configs.list_configs(home=home, cwd=tmp_path)

    assert [(file.name, file.path.parent) for file in found] == [
        ("a", home.config_dir),
        ("b", near.parent),
    ]


@pytest.mark.parametrize("name", ["nobody", "../aws", "", "."])
def test_an_unknown_name_is_told_with_those_that_exist(home: Home, name: str) -> None:
    write(home.config_dir, "aws")
    write(home.config_dir, "lab")

    with pytest.raises(ConfigError) as caught:
        configs.load(name, home=home)

    assert caught.value.message.startswith(
        f"Could not find submission configuration with name: `{name}`. Known: aws, lab. "
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": no settings in it; it needs at least `scheduler_url`"),
        ("- a\n", ": no settings in it"),
        ("token: x\n", ": `scheduler_url` is missing"),
        ("\nscheduler_uri: http://x\n", ", line 2: unknown key `scheduler_uri`. Did you mean `sch"),
        ("scheduler_url: 5\n", ", line 1: `scheduler_url` must be text"),
        ("scheduler_url: x:5000\n", "must start with unix://, http://, https://, ssh://"),
        ("scheduler_url: ftp://x\n", "must start with"),
        ("scheduler_url: http://\n", "names no host"),
        ("scheduler_url: unix://run/x\n", "needs an absolute path"),
        ("scheduler_url: http://<remote_address>:5000\n", "still holds a placeholder"),
        ("scheduler_url: http://x\ntoken: 123\n", ", line 2: `token` must be text"),
        ("scheduler_url: [\n", "not valid YAML"),
    ],
)
def test_a_wrong_config_is_told_with_its_place(home: Home, text: str, expected: str) -> None:
    path = write(home.config_dir, "x", text)

    with pytest.raises(ConfigError) as caught:
        configs.load("x", home=home)

    assert caught.value.message.startswith(str(path))
    assert expected in caught.value.message


def test_the_default_config_leads_to_this_homes_socket(home: Home) -> None:
    path = configs.ensure_default(home)

    config = configs.load("scheduler", home=home)
    assert config.path == path
    assert config.scheduler_url == f"unix://{home.socket}"
    assert config.is_local
    assert [entry.name for entry in home.config_dir.iterdir()] == ["scheduler.config.yaml"]
    assert home.root.stat().st_mode & 0o777 == 0o700


def test_the_default_config_of_an_odd_home_can_be_read_back(tmp_path: Path) -> None:
    home = Home(tmp_path / "a #b: 'c' \"d\" é")
    configs.ensure_default(home)

    assert configs.load("scheduler", home=home).scheduler_url == f"unix://{home.socket}"


@pytest.mark.parametrize(
    "text",
    [
        'scheduler_url: "unix:///a b/c.sock"',
        '# mine\n# yours\nscheduler_url: "http://host:80"\n',
        "scheduler_url: 'http://host:80'\n",
        'scheduler_url: "http://host:80" # here\n',
        'scheduler_url: "http://h\\u006fst:80"\n',
        "scheduler_url: http://host:80\ntoken: abc\n",
        "#" * 1_967 + '\nscheduler_url: "http://host:80"\ntoken: abc\n',
    ],
)
def test_a_config_means_what_it_means_as_yaml(home: Home, text: str) -> None:
    write(home.config_dir, "there", text)
    meant = yaml.safe_load(text)

    found = configs.load("there", home=home)

    assert (found.scheduler_url, found.token) == (meant["scheduler_url"], meant.get("token"))


def test_a_default_config_that_was_edited_is_left_alone(home: Home) -> None:
    path = write(home.config_dir, "scheduler")
    before = path.read_text()

    configs.ensure_default(home)

    assert path.read_text() == before


# -- tokens and certificates

PIN = "ab" * 32


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_token_that_others_can_read_is_refused(home: Home, mode: int) -> None:
    path = write(home.config_dir, "lab", "scheduler_url: https://lab:5000\ntoken: secret\n")
    path.chmod(mode)

    with pytest.raises(ConfigError) as caught:
        configs.load("lab", home=home)

    assert caught.value.message == (
        f"{path}: others can read or change the token in it. Run: chmod 600 {path}"
    )
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000", "https://lab:5000"])
def test_the_environment_gives_the_token_that_a_config_lacks(
    home: Home, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    write(home.config_dir, "lab", f"scheduler_url: {url}\n")
    write(home.config_dir, "own", f"scheduler_url: {url}\ntoken: mine\n")
    configs.ensure_default(home)
    monkeypatch.setenv("FOUNDATIONS_TOKEN", "from-outside")

    assert configs.load("lab", home=home).token == "from-outside"
    assert configs.load("own", home=home).token == "mine"
    assert configs.load("scheduler", home=home).token is None


def test_the_token_of_the_environment_is_only_for_the_scheduler_that_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home.config_dir, "lab", "scheduler_url: https://lab:5000\n")
    monkeypatch.setenv("FOUNDATIONS_TOKEN", "from-outside")

    (listed,) = configs.list_configs(home=home)

    assert configs.read(listed).token is None


@pytest.mark.parametrize(
    "text", [PIN, PIN.upper(), f"sha256:{PIN}", ":".join(["AB"] * 32), f"SHA256:{PIN}"]
)
def test_a_fingerprint_may_be_written_in_any_usual_form(home: Home, text: str) -> None:
    write(home.config_dir, "lab", f"scheduler_url: https://lab\ntls_fingerprint: '{text}'\n")

    assert configs.load("lab", home=home).trust == Trust(fingerprint=PIN)


def test_the_file_of_an_authority_lies_beside_the_config_or_anywhere(
    home: Home, tmp_path: Path
) -> None:
    write(home.config_dir, "near", "scheduler_url: https://lab\ntls_ca: lab.pem\n")
    write(home.config_dir, "far", f"scheduler_url: https://lab\ntls_ca: {tmp_path}/ca.pem\n")

    assert configs.load("near", home=home).trust == Trust(ca=home.config_dir / "lab.pem")
    assert configs.load("far", home=home).trust == Trust(ca=tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"https://x\ntls_fingerprint: '{PIN[1:]}'\n", "must be 64 hexadecimal digits"),
        ("https://x\ntls_fingerprint: 12\n", "`tls_fingerprint` must be text"),
        (f"http://x\ntls_fingerprint: '{PIN}'\n", "the URL must begin with https://"),
        ("unix:///x\ntls_ca: ca.pem\n", "`tls_ca` means nothing without TLS"),
        (f"https://x\ntls_ca: ca.pem\ntls_fingerprint: '{PIN}'\n", "one is enough"),
    ],
)
def test_what_pins_nothing_is_refused(home: Home, text: str, expected: str) -> None:
    path = write(home.config_dir, "x", f"scheduler_url: {text}")

    with pytest.raises(ConfigError) as caught:
        configs.load("x", home=home)

    assert caught.value.message.startswith(f"{path}, line ")
    assert expected in caught.value.message
