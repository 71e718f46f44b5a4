"""Secrets on the disk, in memory for an attempt, and out of logs."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_scheduler.store import masking
from atlas_scheduler.store.masking import mask_file, masked, needles
from atlas_scheduler.store.secret_files import SecretFiles
from atlas_scheduler.store.secrets import Secrets
from foundations.errors import NotFound

ATTEMPT = "atlas-00c0ffee-job-1"


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets(tmp_path / "secrets")


@pytest.fixture
def files(tmp_path: Path) -> SecretFiles:
    memory = tmp_path / "memory"
    memory.mkdir(mode=0o1777)
    return SecretFiles("00c0ffee", fallback=tmp_path / "elsewhere", memory=memory)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_user_has_their_own_and_the_shared_ones(secrets: Secrets) -> None:
    secrets.set("KEY", b"mine", user="ada")
    secrets.set("KEY", b"theirs", user="ben")
    secrets.set("KEY", b"all", user=None)
    secrets.set("DATA", b"set", user=None)

    assert secrets.values(["KEY", "DATA"], user="ada") == {"KEY": b"mine", "DATA": b"set"}
    assert [(one.name, one.shared) for one in secrets.of_user("ada")] == [
        ("DATA", True),
        ("KEY", False),
    ]
    secrets.remove("KEY", user="ada")
    assert secrets.values(["KEY"], user="ada") == {"KEY": b"all"}
    assert secrets.missing(["KEY", "OTHER"], user="ada") == ["OTHER"]
    with pytest.raises(NotFound, match=r"There is no secret `OTHER`\. Set it with `foundations"):
        secrets.values(["OTHER"], user="ada")
    with pytest.raises(NotFound, match="no secret of yours named `KEY`"):
        secrets.remove("KEY", user="ada")
    with pytest.raises(NotFound, match="no shared secret named `OTHER`"):
        secrets.remove("OTHER", user=None)


@pytest.mark.parametrize(
    "user", ["..", ".", "a/b", "/", "shared", "ä ö", "é" * 200, "\x1b" * 200, "a" * 200]
)
def test_no_name_of_a_user_leads_out_of_the_directory_of_users(
    secrets: Secrets, tmp_path: Path, user: str
) -> None:
    secrets.set("KEY", b"1234", user=user)
    found = [path for path in (tmp_path / "secrets").rglob("*") if path.is_file()]
    assert [path.parent.parent for path in found] == [tmp_path / "secrets" / "users"]
    assert secrets.missing(["KEY"], user="somebody") == ["KEY"]
    assert secrets.values(["KEY"], user=user) == {"KEY": b"1234"}


def test_only_their_owner_can_enter_where_secrets_lie(secrets: Secrets, tmp_path: Path) -> None:
    secrets.set("KEY", b"mine", user="ada")
    assert mode(tmp_path / "secrets") == 0o700


def test_an_attempt_finds_its_secrets_until_they_are_taken_away(files: SecretFiles) -> None:
    directory = files.lay_out(ATTEMPT, {"KEY": b"one", "OTHER": b"two"})
    again = files.lay_out(ATTEMPT, {"KEY": b"new", "OTHER": b"two"})

    assert again == directory
    assert (directory / "KEY").read_bytes() == b"new"
    assert mode(directory / "KEY") == 0o400
    assert mode(directory) == mode(directory.parent) == 0o700
    assert sorted(files.values(ATTEMPT)) == [b"new", b"two"]
    files.take_away(ATTEMPT)
    files.take_away(ATTEMPT)
    assert not directory.exists()
    assert files.values(ATTEMPT) == []


def test_what_attempts_left_that_are_gone_is_swept(files: SecretFiles) -> None:
    stays = files.lay_out("stays", {"KEY": b"one"})
    goes = files.lay_out("goes", {"KEY": b"one"})
    files.sweep({"stays"})
    assert stays.exists()
    assert not goes.exists()


def test_a_directory_that_others_can_enter_is_not_used(files: SecretFiles) -> None:
    directory = files.lay_out(ATTEMPT, {"KEY": b"one"})
    directory.parent.chmod(0o755)
    with pytest.raises(PermissionError, match="only this user can enter"):
        files.lay_out(ATTEMPT, {"KEY": b"one"})


def test_without_a_file_system_in_memory_they_lie_elsewhere(tmp_path: Path) -> None:
    files = SecretFiles("00c0ffee", fallback=tmp_path / "run", memory=tmp_path / "none")
    assert files.lay_out(ATTEMPT, {"KEY": b"one"}).parent == tmp_path / "run"
    SecretFiles("other", fallback=tmp_path / "missing", memory=tmp_path / "none").sweep(set())


def test_lines_of_a_value_are_looked_for_too_and_short_ones_are_not() -> None:
    assert needles([b"first line\nsecond\n", b"abc"]) == [
        b"first line\nsecond",
        b"first line",
        b"second",
    ]


def test_a_value_is_masked_wherever_it_lies_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masking, "_PIECE_BYTES", 7)
    path = tmp_path / "log"
    for before in range(20):
        path.write_bytes(b"x" * before + b"s3cret" + b"yy")
        mask_file(path, [b"s3cret"])
        assert path.read_bytes() == b"x" * before + b"******" + b"yy"
    mask_file(tmp_path / "missing", [b"s3cret"])


@given(st.binary(max_size=200), st.lists(st.binary(min_size=4, max_size=8), max_size=3))
def test_masking_changes_no_length_and_leaves_no_value(data: bytes, values: list[bytes]) -> None:
    wanted = needles(values)
    seen = masked(data, wanted)
    assert len(seen) == len(data)
    if not any(b"*" in one for one in wanted):
        assert not any(one in seen for one in wanted)
