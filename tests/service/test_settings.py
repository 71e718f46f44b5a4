"""What a mistake in `config/server.yaml` is told as: file, line and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_scheduler.settings import ServerSettings
from foundations.errors import ConfigError


def refusal(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        ServerSettings.load(path)
    return str(caught.value).replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("engin: docker\n", "FILE, line 1: unknown key `engin`. Did you mean `engine`? "),
        ("docker:\n  sockt: /run/x\n", "FILE, line 2: unknown key `sockt`. Did you mean `socket`?"),
        ("volumes:\n  data:\n    pth: /x\n", "`pth`. Did you mean `path`? Known keys: mode"),
        ("retention:\n  projects:\n    a:\n      keep_lst: 1\n", "line 4: unknown key `keep_lst`"),
        ("hooks:\n  commands:\n  - rum: [a]\n", "line 3: unknown key `rum`. Did you mean `run`?"),
        ("tls:\n  key: /x\n", "FILE, line 1: `tls.certificate` is missing"),
        ("max_running_jobs:\n", "FILE, line 1: `max_running_jobs` has no value"),
        ("gpus: 2\n", "FILE, line 1: `gpus`: must be a list, not 2"),
        ("docker: fast\n", "FILE, line 1: `docker`: must hold `key: value` lines, not 'fast'"),
        ("\n\nram: lots\n", "FILE, line 3: `ram`: input should be a valid number, unable to parse"),
        ("engine: dokcer\n", "`engine`: input should be 'auto', 'docker' or 'process'"),
        ("max_running_jobs: [\n", "FILE, line 2, column 1: not valid YAML: "),
        ("ram: 1\nram: 2\n", "FILE, line 2: `ram` is here twice"),
        ("- engine\n", "FILE, line 1: must hold `key: value` lines"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_was_meant(
    tmp_path: Path, text: str, said: str
) -> None:
    assert said in refusal(tmp_path / "server.yaml", text)


def test_every_mistake_of_a_file_is_told_in_the_order_of_its_lines(tmp_path: Path) -> None:
    lines = refusal(tmp_path / "server.yaml", "engin: x\nram: 0\n").splitlines()
    assert [line.split(":")[0] for line in lines] == ["FILE, line 1", "FILE, line 2"]


def test_a_url_with_a_password_is_not_repeated(tmp_path: Path) -> None:
    text = "hooks:\n  webhooks:\n  - url: https://ada:geheim@hooks.example.org/\n"
    said = refusal(tmp_path / "server.yaml", text)
    assert said == (
        "FILE, line 3: `hooks.webhooks.0.url`: it must hold no user and no password; "
        "`secret_file` signs requests"
    )
