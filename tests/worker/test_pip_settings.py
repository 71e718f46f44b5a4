"""What pip is told is told to uv."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_worker import pip_settings


@pytest.fixture(autouse=True)
def no_files_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The places that every pip of the machine reads are not looked at."""
    files = pip_settings._files
    monkeypatch.setattr(
        pip_settings,
        "_files",
        lambda environment: [one for one in files(environment) if str(tmp_path) in one],
    )


def test_variables_of_pip_become_those_of_uv() -> None:
    chosen = pip_settings.for_uv(
        {
            "PIP_INDEX_URL": "https://one.example/simple",
            "PIP_EXTRA_INDEX_URL": "https://two.example/simple  https://three.example/simple",
            "PIP_FIND_LINKS": "./a ./b",
            "PIP_TRUSTED_HOST": "one.example\ntwo.example",
            "PIP_PRE": "1",
            "PIP_CERT": "/ca.pem",
            "PIP_NO_COLOR": "1",
        }
    )
    assert chosen["UV_DEFAULT_INDEX"] == "https://one.example/simple"
    assert chosen["UV_INDEX"] == "https://two.example/simple https://three.example/simple"
    assert chosen["UV_FIND_LINKS"] == "./a,./b"
    assert chosen["UV_INSECURE_HOST"] == "one.example two.example"
    assert chosen["UV_PRERELEASE"] == "allow"
    assert chosen["SSL_CERT_FILE"] == "/ca.pem"
    assert chosen["PIP_NO_COLOR"] == "1"


def test_files_count_less_than_variables_and_later_ones_more(tmp_path: Path) -> None:
    user = tmp_path / ".config" / "pip" / "pip.conf"
    user.parent.mkdir(parents=True)
    user.write_text(
        "[global]\nindex-url = https://user.example\n"
        "extra-index-url =\n    https://a.example\n    https://b.example\n"
        "[install]\nconstraint = /bounds.txt\n[list]\nindex-url = https://list.example\n"
    )
    chosen = pip_settings.for_uv({"HOME": str(tmp_path)})
    assert chosen["UV_DEFAULT_INDEX"] == "https://user.example"
    assert chosen["UV_INDEX"] == "https://a.example https://b.example"
    assert chosen["UV_CONSTRAINT"] == "/bounds.txt"

    named = tmp_path / "named.conf"
    named.write_text("[global]\nindex-url = https://named.example\n")
    chosen = pip_settings.for_uv({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(named)})
    assert chosen["UV_DEFAULT_INDEX"] == "https://named.example"
    assert chosen["UV_CONSTRAINT"] == "/bounds.txt"


def test_a_file_that_pip_could_not_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("no section at all")
    environment = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_PRE": "no"}
    assert pip_settings.for_uv(environment)["UV_PRERELEASE"] == "if-necessary-or-explicit"


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX"])
def test_whoever_chose_indexes_for_uv_gets_none_of_pips(name: str) -> None:
    given = {
        name: "https://mine.example",
        "PIP_INDEX_URL": "https://one.example",
        "PIP_EXTRA_INDEX_URL": "https://two.example",
        "PIP_CONSTRAINT": "bounds.txt",
    }
    chosen = pip_settings.for_uv(given)
    uv = {key: value for key, value in chosen.items() if key.startswith("UV_")}
    uv.pop("UV_SYSTEM_CERTS", None)
    assert uv == {name: "https://mine.example", "UV_CONSTRAINT": "bounds.txt"}


def test_nothing_set_up_means_nothing_said() -> None:
    given = {"A": "b", "PIP_NO_INDEX": "0"}
    assert pip_settings.for_uv(given).keys() - {"UV_SYSTEM_CERTS"} == given.keys()
    assert pip_settings.options_for_uv(given) == []


def test_uv_asks_no_index_where_pip_may_ask_none(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nno-index = yes\n")
    by_file = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    assert pip_settings.options_for_uv(by_file) == ["--no-index"]
    assert pip_settings.options_for_uv({"PIP_NO_INDEX": "True"}) == ["--no-index"]
    assert pip_settings.options_for_uv({**by_file, "PIP_NO_INDEX": "off"}) == []
    own = {**by_file, "UV_DEFAULT_INDEX": "https://mine.example"}
    assert pip_settings.options_for_uv(own) == [], "whoever chose an index for uv has that"
