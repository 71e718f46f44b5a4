"""Which host paths may be mounted, and where."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal

import pytest

from atlas_scheduler.core.offered_volumes import OfferedVolume
from atlas_scheduler.engine.port import StartRefusedError
from atlas_scheduler.engine.volumes import Bind, check_volumes, make_mount_points
from foundations.models import Volume


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "user" / ".foundations"
    home.mkdir(parents=True)
    return home


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    return data


def check(home: Path, host: str | Path, bind: str = "/data", mode: str = "rw") -> Bind:
    volume = Volume.model_validate({"host": str(host), "bind": bind, "mode": mode})
    (found,) = check_volumes([volume], home=home, engine_socket="/run/user/1/docker.sock")
    return found


def test_a_directory_and_a_file_are_mounted_as_asked(home: Path, data: Path) -> None:
    (data / "file").touch()
    assert check(home, data) == Bind(source=str(data), target="/data", read_only=False)
    assert check(home, data / "file", "/etc/pip.conf", "ro") == Bind(
        source=str(data / "file"), target="/etc/pip.conf", read_only=True
    )


@pytest.mark.parametrize(
    "host",
    [
        *("/", "//", "/proc", "/proc/1/root", "/sys/fs", "/dev", "/dev/shm", "/run", "/var/run"),
        *("/etc", "/etc/", "/usr/../etc/passwd", "/var/lib/docker/containers", "/var/lib", "/var"),
    ],
)
def test_what_opens_the_machine_is_refused(home: Path, host: str) -> None:
    with pytest.raises(StartRefusedError, match="cannot be mounted"):
        check(home, host)


@pytest.mark.parametrize("spelling", ["{}/", "{}/../data", "{}/.", "//{}"])
def test_spellings_are_resolved(home: Path, data: Path, spelling: str) -> None:
    assert check(home, spelling.format(data)).source == str(data)


@pytest.mark.parametrize("target", ["/", "/proc", "{home}", "{home}/bundles", "{home}/.."])
def test_links_are_followed_before_the_judgement(home: Path, data: Path, target: str) -> None:
    (home / "bundles").mkdir()
    link = data / "link"
    link.symlink_to(target.format(home=home))
    with pytest.raises(StartRefusedError, match="cannot be mounted"):
        check(home, link)


def test_a_link_to_data_is_mounted_as_what_it_leads_to(home: Path, data: Path) -> None:
    (data / "v2").mkdir()
    (data / "latest").symlink_to("v2")
    assert check(home, data / "latest").source == str(data / "v2")


def test_what_holds_the_home_is_refused_and_what_is_beside_it_is_not(home: Path) -> None:
    (home.parent / "sets").mkdir()
    with pytest.raises(StartRefusedError, match="files of Atlas itself"):
        check(home, home.parent)
    assert check(home, home.parent / "sets").target == "/data"


def test_only_the_settings_mount_files_of_the_machines_own(home: Path) -> None:
    volume = Volume(host="/etc/hostname", bind="/hostname", mode="ro")
    (found,) = check_volumes([volume], home=home, is_admins_own=True)
    assert found.source == str(Path("/etc/hostname").resolve())
    with pytest.raises(StartRefusedError, match="machine's own settings"):
        check_volumes([volume], home=home)


def offered(home: Path, name: str, mode: Literal["ro", "rw"], **paths: Path) -> Bind:
    """Check a named volume; `scratch` can be written, the others only read."""
    known = {
        one: OfferedVolume(one, str(path), mode="rw" if one == "scratch" else "ro")
        for one, path in paths.items()
    }
    (found,) = check_volumes([Volume(host=name, bind="/d", mode=mode)], home=home, offered=known)
    return found


def test_a_named_volume_is_what_the_admin_means_by_it(home: Path, data: Path) -> None:
    found = offered(home, "sets", "ro", sets=data)
    assert found == Bind(source=str(data), target="/d", read_only=True)
    assert not offered(home, "scratch", "rw", scratch=data).read_only


@pytest.mark.parametrize(
    ("name", "mode", "words"),
    [
        ("none", "ro", "does not offer a volume of that name any more"),
        ("sets", "rw", "can only be read by now"),
        ("gone", "ro", "no such file"),
        ("own", "ro", "files of Atlas itself"),
    ],
)
def test_a_named_volume_is_judged_again_when_the_job_starts(
    home: Path, data: Path, name: str, mode: Literal["ro", "rw"], words: str
) -> None:
    with pytest.raises(StartRefusedError, match=words):
        offered(home, name, mode, sets=data, gone=data / "gone", own=home)


def test_what_jobs_could_put_a_link_in_the_place_of_is_refused(home: Path, data: Path) -> None:
    scratch = data / "scratch"
    (scratch / "out").mkdir(parents=True)
    (data / "link").symlink_to(scratch)
    for sets in (scratch / "out", data / "link" / "out"):
        with pytest.raises(StartRefusedError, match="through the volume 'scratch'"):
            offered(home, "sets", "ro", sets=sets, scratch=scratch)
    assert offered(home, "sets", "ro", sets=data, scratch=scratch).source == str(data)
    assert offered(home, "scratch", "rw", scratch=data / "link").source == str(scratch)


def test_a_socket_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        with pytest.raises(StartRefusedError, match="socket"):
            check(home, tmp_path / "s")


def test_what_is_not_there_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(StartRefusedError, match="no such file"):
        check(home, tmp_path / "circle")
    with pytest.raises(StartRefusedError, match="no such file"):
        check(home, tmp_path / "none")


@pytest.mark.parametrize(
    "bind",
    [
        *("/", "/..", "/job", "/job/", "/data/../job", "/job/records", "/job/job_source"),
        *("/atlas", "/atlas/lib", "/atlas/lib/foundations", "//", "//job", "///atlas/lib"),
    ],
)
def test_places_of_atlas_in_the_container_are_refused(home: Path, data: Path, bind: str) -> None:
    with pytest.raises(StartRefusedError, match="cannot be mounted"):
        check(home, data, bind)


@pytest.mark.parametrize(
    "bind", ["/job/job_source/data", "/job/home/.cache", "/jobs", "/atlasdata"]
)
def test_places_of_the_job_are_open(home: Path, data: Path, bind: str) -> None:
    assert check(home, data, bind).target == bind


# -- mount points


def test_mount_points_below_the_job_are_made_by_the_owner(data: Path, tmp_path: Path) -> None:
    job_dir = tmp_path / "job"
    (job_dir / "job_source").mkdir(parents=True)
    (data / "file").touch()
    binds = [
        Bind(source=str(data), target="/job/job_source/a/b", read_only=True),
        Bind(source=str(data / "file"), target="/job/job_source/a/c", read_only=True),
        Bind(source=str(data), target="/elsewhere", read_only=True),
    ]
    make_mount_points(binds, job_dir)
    make_mount_points(binds, job_dir)
    assert (job_dir / "job_source" / "a" / "b").is_dir()
    assert (job_dir / "job_source" / "a" / "c").is_file()
    assert [path.name for path in job_dir.iterdir()] == ["job_source"]


def test_a_mount_point_does_not_follow_the_projects_links(data: Path, tmp_path: Path) -> None:
    job_dir, outside = tmp_path / "job", tmp_path / "outside"
    (job_dir / "job_source").mkdir(parents=True)
    outside.mkdir()
    (job_dir / "job_source" / "a").symlink_to(outside)
    bind = Bind(source=str(data), target="/job/job_source/a/b", read_only=True)
    with pytest.raises(StartRefusedError, match="cannot be mounted at"):
        make_mount_points([bind], job_dir)
    assert list(outside.iterdir()) == []
