"""Artifacts are copies, whole or not there, and never in each other's way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import foundations
from tests.foundations.job_dir import JobDir, enter_job


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobDir:
    return enter_job(tmp_path, monkeypatch)


def test_an_artifact_is_a_copy_under_its_own_name(job: JobDir) -> None:
    model = job.source / "model.pt"
    model.write_bytes(b"weights")
    foundations.save_artifact("model.pt")
    model.write_bytes(b"changed later")

    assert (job.artifacts / "model.pt").read_bytes() == b"weights"
    assert job.lines() == [
        {"event": "artifact", "key": "model.pt", "path": "model.pt", "size_bytes": 7}
    ]


@pytest.mark.parametrize("tail_bytes", [0, 10_000_000])
def test_a_sparse_artifact_takes_the_space_of_what_is_in_it(job: JobDir, tail_bytes: int) -> None:
    weights = os.urandom(100_000)
    with (job.source / "model.pt").open("wb") as file:
        file.seek(20_000_000)
        file.write(weights)
        file.truncate(20_100_000 + tail_bytes)
    foundations.save_artifact("model.pt")

    saved = job.artifacts / "model.pt"
    assert saved.read_bytes() == bytes(20_000_000) + weights + bytes(tail_bytes)
    assert saved.stat().st_blocks * 512 < 1_000_000


def test_a_file_outside_the_work_dir_is_kept_like_any(job: JobDir, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "model.pt").write_text("weights")
    (job.source / "link.pt").symlink_to(tmp_path / "elsewhere" / "model.pt")

    foundations.save_artifact(tmp_path / "elsewhere" / "model.pt")
    foundations.save_artifact("../../elsewhere/model.pt", key="again")
    foundations.save_artifact("link.pt")

    assert job.saved() == dict.fromkeys(("model.pt", "again", "link.pt"), "weights")
    assert not any(path.is_symlink() for path in job.artifacts.rglob("*"))


def test_artifacts_of_one_file_name_never_meet(job: JobDir) -> None:
    for folder in ("a", "b"):
        (job.source / folder).mkdir()
        (job.source / folder / "plot.png").write_text(folder)
    foundations.save_artifact("a/plot.png", "loss")
    foundations.save_artifact(Path("b/plot.png"), key="accuracy")
    (job.source / "plot.png").write_text("top")
    foundations.save_artifact("plot.png")

    assert job.saved() == {"loss": "a", "accuracy": "b", "plot.png": "top"}


def test_a_key_that_is_another_artifacts_file_name_does_not_disturb_it(job: JobDir) -> None:
    (job.source / "one").write_text("1")
    (job.source / "two").write_text("2")
    foundations.save_artifact("one")
    foundations.save_artifact("two", "one")
    assert job.saved() == {"one": "2"}

    foundations.save_artifact("one", "two")
    foundations.save_artifact("two")
    assert job.saved() == {"one": "2", "two": "2"}


def test_saving_a_key_again_warns_and_replaces_it_in_one_step(
    job: JobDir, capsys: pytest.CaptureFixture[str]
) -> None:
    model = job.source / "model.pt"
    model.write_text("first")
    foundations.save_artifact("model.pt", "best")
    model.write_text("second")
    with (job.artifacts / job.lines()[0]["path"]).open() as reader:
        foundations.save_artifact("model.pt", "best")

        assert reader.read() == "first"
    assert job.saved() == {"best": "second"}
    assert capsys.readouterr().err == (
        'Foundations WARNING: Artifact "best" already exists - overwriting.\n'
    )


def test_a_file_that_is_in_its_place_already_is_only_recorded(
    job: JobDir, capsys: pytest.CaptureFixture[str]
) -> None:
    (job.artifacts / "model.pt").write_text("weights")
    foundations.save_artifact(job.artifacts / "model.pt")

    assert job.saved() == {"model.pt": "weights"}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "key",
    [
        "../../escape",
        "/etc/passwd",
        "..",
        ".",
        "",
        "a/b",
        "nul\0",
        "\x1b[2J",
        "%2E",
        "k" * 5000,
        "\ud800",
    ],
)
def test_no_key_leads_out_of_the_artifacts(job: JobDir, key: str) -> None:
    (job.source / "model.pt").write_text("weights")
    foundations.save_artifact("model.pt", key)

    (line,) = job.lines()
    kept = job.artifacts / line["path"]
    assert kept.resolve().is_relative_to(job.artifacts.resolve())
    assert kept.read_text() == "weights"
    assert line["path"].isprintable()
    outside = {path.name for path in job.path.iterdir()}
    assert outside == {"job_source", "records", "artifacts", "home"}


def test_a_file_with_any_name_can_be_an_artifact(job: JobDir) -> None:
    name = os.fsdecode(b"odd \xff\n name")
    (job.source / name).write_text("content")
    foundations.save_artifact(name)
    foundations.save_artifact(os.fsencode(name), "again")  # type: ignore[arg-type]  # users do

    assert list(job.saved().values()) == ["content", "content"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("folder", "'folder' is a directory: save its files, or an archive of it"),
        ("model.pt", "there is no file 'model.pt'"),
        ("pipe", "'pipe' is not a regular file; it cannot be saved"),
    ],
)
def test_what_is_no_file_is_told_and_the_job_goes_on(
    job: JobDir, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    (job.source / "folder").mkdir()
    os.mkfifo(job.source / "pipe")

    foundations.save_artifact(name)

    assert capsys.readouterr().err == (
        f'Foundations WARNING: Cannot save artifact "{name}": {reason}; the job goes on.\n'
    )
    assert job.lines() == []


def test_an_artifact_that_cannot_be_kept_is_a_warning(
    job: JobDir, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (job.source / "model.pt").write_text("weights")
    (job.path / "blocked").write_text("a file where a folder should be")
    monkeypatch.setenv("ATLAS_ARTIFACTS", str(job.path / "blocked"))
    foundations.save_artifact("model.pt")

    assert job.lines() == []
    assert capsys.readouterr().err == (
        'Foundations WARNING: Cannot save artifact "model.pt": File exists; the job goes on.\n'
    )


def test_a_failed_copy_leaves_nothing_behind(job: JobDir) -> None:
    ended = job.run(
        "import resource, foundations\n"
        "open('model.pt', 'wb').write(b'x' * 100000)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50000, resource.RLIM_INFINITY))\n"
        "foundations.save_artifact('model.pt')\n"
    )

    assert (ended.returncode, ended.stdout) == (0, "")
    assert 'Cannot save artifact "model.pt": File too large' in ended.stderr
    assert list(job.artifacts.iterdir()) == []
    assert job.lines() == []
