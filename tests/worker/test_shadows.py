"""Packages of the interpreter, as uv sees them in a new environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_worker import shadows


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "new").mkdir()
    return tmp_path / "new"


def package(where: Path, name: str, text: str, *, file: str = "METADATA") -> None:
    where.mkdir(exist_ok=True)
    (where / name).mkdir()
    (where / name / file).write_text(text)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_each_package_has_a_shadow_until_they_are_lifted(directory: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    package(own, "six-1.16.0.dist-info", "Name: six\nVersion: 1.16.0\nRequires-Dist: x\n\nName: y")
    package(own, "Old_One.egg-info", "Name: Old-One\nVersion: 2\n", file="PKG-INFO")
    (own / "flat-3.egg-info").write_text("Name: flat\nVersion: 3\n")
    (own / "broken-1.dist-info").mkdir()
    (own / "six.py").write_text("")
    shadows.cast(str(directory), [str(own), str(tmp_path / "missing")])
    assert names(directory) == ["Old_One-2.dist-info", "flat-3.dist-info", "six-1.16.0.dist-info"]
    six = directory / "six-1.16.0.dist-info"
    assert "Requires-Dist: x" in (six / "METADATA").read_text()
    # Whoever uninstalls it removes what is listed here, and nothing of the original's.
    assert {line.split(",")[0] for line in (six / "RECORD").read_text().splitlines()} == {
        f"six-1.16.0.dist-info/{name}" for name in ("METADATA", "INSTALLER", "RECORD")
    }
    package(directory, "other-1.dist-info", "uv", file="INSTALLER")
    shadows.lift(str(directory))
    assert names(directory) == ["other-1.dist-info"]
    assert (own / "six-1.16.0.dist-info" / "METADATA").exists()


def test_of_a_package_that_is_there_twice_the_first_counts(directory: Path, tmp_path: Path) -> None:
    package(tmp_path / "first", "My_Pkg-2.dist-info", "Name: My-Pkg\nVersion: 2\n")
    package(tmp_path / "second", "my-pkg-1.dist-info", "Name: my-pkg\nVersion: 1\n")
    shadows.cast(str(directory), [str(tmp_path / "first"), str(tmp_path / "second")])
    assert names(directory) == ["My_Pkg-2.dist-info"]
