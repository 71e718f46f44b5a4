"""The user's settings: read strictly, and a keymap without two meanings."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_tui.looks import theme_for
from atlas_tui.settings import Settings
from atlas_tui.settings_file import SettingsFile, read_settings
from atlas_tui.terminal_background import is_light_by
from foundations.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tui.yaml"


def test_a_missing_and_an_empty_file_mean_the_defaults(file: Path) -> None:
    assert read_settings(file) == Settings()
    file.write_text("# nothing\n")
    assert read_settings(file) == Settings()


def test_everything_can_be_set(file: Path) -> None:
    file.write_text(
        "theme: atlas-light\nplain: true\nlow_bandwidth: true\nmouse: false\nread_only: true\n"
        "restore: false\ncolumns: [id, state, metric.loss]\nbell: true\nnotify: osc9\n"
        "notify_jobs: all\nconfirm_rerun_above: 2\n"
        "keymap:\n  stop: f8\n  theme: [ctrl+t, f5]\n  mouse:\n"
    )
    settings = read_settings(file)
    assert settings.columns == ("id", "state", "metric.loss")
    assert settings.keymap == {"stop": "f8", "theme": "ctrl+t,f5", "mouse": ""}
    for name in SettingsFile.model_fields:
        assert getattr(settings, name) != getattr(Settings(), name), name


def test_a_bare_off_is_off(file: Path) -> None:
    file.write_text("notify: off\n")
    assert read_settings(file).notify == "off"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- a\n", "line 1: must hold `key: value` lines"),
        ("bell: true\ncolums: [id]\n", "line 2: unknown key `colums`. Did you mean `columns`?"),
        ("theme: solarized\n", "line 1: `theme`: is one of auto, atlas-dark"),
        ("bell: 3\n", "line 1: `bell`: input should be a valid boolean, not 3"),
        ("columns: [nonsense]\n", "line 1: `columns`: "),
        ("notify: popup\n", "line 1: `notify`: input should be 'off', 'osc9' or 'osc777'"),
        ("plain:\n", "line 1: `plain` has no value"),
        ("confirm_rerun_above: 0\n", "`confirm_rerun_above`: input should be greater than"),
        ("keymap:\n  stpo: X\n", "line 2: `stpo` is no action. Did you mean `stop`?"),
        ("keymap:\n  stop: d\n", "line 2: `d` is already the key of `delete`"),
        ("keymap: {stop: 5}\n", "line 1: `keymap.stop`: input should be a valid string, not 5"),
    ],
)
def test_what_is_wrong_names_file_line_and_what_was_meant(
    file: Path, text: str, complaint: str
) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_settings(file)
    assert str(caught.value).startswith(f"{file}, line ")
    assert complaint in str(caught.value)


def test_keys_can_be_exchanged(file: Path) -> None:
    file.write_text("keymap:\n  stop: d\n  delete: x\n")
    assert read_settings(file).keymap == {"stop": "d", "delete": "x"}


@pytest.mark.parametrize(
    ("wanted", "colorfgbg", "own", "theme"),
    [
        ("auto", "", False, "atlas-dark"),
        ("auto", "0;15", False, "atlas-light"),
        ("auto", "15;0", False, "atlas-dark"),
        ("auto", "0;default;15", True, "ansi-light"),
        ("atlas-light", "15;0", False, "atlas-light"),
        ("atlas-light", "", True, "ansi-light"),
        ("atlas-dark", "", True, "ansi-dark"),
        ("ansi-dark", "0;15", False, "ansi-dark"),
    ],
)
def test_the_theme_fits_the_terminal(wanted: str, colorfgbg: str, own: bool, theme: str) -> None:
    light = is_light_by({"COLORFGBG": colorfgbg})
    assert theme_for(wanted, light=light, own_colours=own) == theme
