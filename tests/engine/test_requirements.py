"""Which requirements are the same, and which no other job can share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from atlas_scheduler.engine.environments import Order, reason_of
from atlas_scheduler.engine.launch import Places
from atlas_scheduler.engine.port import AttemptId, Launch, StartRefusedError
from atlas_scheduler.engine.requirements import Requirements, read_requirements

PLACES = Places(job_dir="/job", library_dir="/lib", foundations_home="/job/home")


def read(
    directory: Path,
    files: Mapping[str, str],
    *,
    working_dir: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> Requirements | None:
    """Read the requirements of a project with these files."""
    for name, text in files.items():
        path = directory / "job_source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    launch = Launch(
        attempt=AttemptId("instance", "job", 1),
        job_dir=directory,
        library_dir=directory,
        log_path=directory / "job.log",
        command=("main.py",),
        working_dir=working_dir,
    )
    return read_requirements(launch, PLACES, variables or {})


def test_a_project_that_asks_for_nothing_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, {"main.py": ""}) is None
    assert read(tmp_path, {"requirements.txt": "# nothing\n\n"}) is None


def test_the_working_directory_comes_first_and_the_project_second(tmp_path: Path) -> None:
    files = {"requirements.txt": "numpy\n", "sub/main.py": "", "own/requirements.txt": "pandas\n"}
    places = [read(tmp_path, files, working_dir=one) for one in (None, "sub", "own")]
    assert [one and one.place for one in places] == [
        *("requirements.txt", "requirements.txt", "own/requirements.txt")
    ]
    empty = {"own/requirements.txt": "# nothing\n"}
    assert read(tmp_path, empty, working_dir="own") is None
    assert read(tmp_path, {}, working_dir="/opt/app") is None, "only the image knows"


BASE = {
    "requirements.txt": "-r more.txt\n-c bounds.txt\n-f wheels\n./own-1-py3-none-any.whl\nb @ https://example.org/${A}/b.whl\n",
    "more.txt": "numpy\n-r more.txt\n",
    "bounds.txt": "numpy<3\n",
    "wheels/a-1-py3-none-any.whl": "wheel",
    "own-1-py3-none-any.whl": "own",
}


@pytest.mark.parametrize(
    "change",
    [
        {"more.txt": "numpy\npandas\n"},
        {"bounds.txt": "numpy<2\n"},
        {"wheels/a-1-py3-none-any.whl": "another"},
        {"wheels/b-1-py3-none-any.whl": "wheel"},
        {"own-1-py3-none-any.whl": "other"},
        {"requirements.txt": BASE["requirements.txt"] + "scipy\n"},
    ],
)
def test_whatever_decides_what_is_installed_tells_requirements_apart(
    tmp_path: Path, change: Mapping[str, str]
) -> None:
    before = read(tmp_path / "a", BASE, variables={"A": "1"})
    again = read(tmp_path / "b", {**BASE, "main.py": "other code"}, variables={"A": "1"})
    variable = read(tmp_path / "c", BASE, variables={"A": "2"})
    after = read(tmp_path / "d", {**BASE, **change}, variables={"A": "1"})
    assert before is not None
    assert before.own_reason is None
    assert before == again
    assert variable is not None
    assert after is not None
    assert len({before.digest, variable.digest, after.digest}) == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-e .", ". is installed as editable"),
        (".", "a directory of the project is installed"),
        ("/opt/own.whl", "/opt/own.whl is not a file of the project"),
        ("../own.whl", "../own.whl is not a file of the project"),
        ('./missing.whl; python_version < "3"', "./missing.whl is not a file of the project"),
        ("-f ./missing", "./missing is not a file of the project"),
        ("numpy \\\n  >=2", "only pip reads 'numpy \\\\ >=2'"),
        ("-f /opt/wheels", "/opt/wheels is not a file of the project"),
        ("-r https://example.org/r.txt", "what https://example.org/r.txt says may change"),
        ("-i file:///opt/simple", "its index /opt/simple is a directory"),
        ("-r link.txt", "link.txt is not a file of the project"),
    ],
)
def test_what_may_differ_from_job_to_job_is_not_shared(
    tmp_path: Path, line: str, reason: str
) -> None:
    (tmp_path / "job_source").mkdir()
    (tmp_path / "outside.txt").write_text("numpy\n")
    (tmp_path / "job_source" / "link.txt").symlink_to(tmp_path / "outside.txt")
    found = read(tmp_path, {"requirements.txt": f"numpy\n{line}\n"})
    assert found is not None
    assert found.own_reason == reason


def test_a_file_that_is_no_text_is_left_to_pip(tmp_path: Path) -> None:
    (tmp_path / "job_source").mkdir()
    (tmp_path / "job_source" / "requirements.txt").write_bytes(b"\xff\xfe\x00")
    found = read(tmp_path, {})
    assert found is not None
    assert found.own_reason == "requirements.txt is not UTF-8"


def test_text_that_nobody_can_read_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "job_source").mkdir()
    (tmp_path / "job_source" / "requirements.txt").write_bytes(b"numpy\n# caf\xe9\n")
    with pytest.raises(StartRefusedError) as refused:
        read(tmp_path, {})
    assert str(refused.value) == (
        "requirements.txt cannot be read: line 2 is not UTF-8 text. Save the file as UTF-8."
    )
    declared = b"# -*- coding: latin-1 -*-\n# caf\xe9\nnumpy\n"
    (tmp_path / "job_source" / "requirements.txt").write_bytes(declared)
    found = read(tmp_path, {})
    assert found is not None
    assert found.own_reason == "requirements.txt is not UTF-8", "pip reads it"


@pytest.mark.parametrize("line", ["-r missing.txt", "-c missing.txt", "./missing.txt"])
def test_what_is_not_among_the_files_of_the_project_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(StartRefusedError) as refused:
        read(tmp_path, {"requirements.txt": f"numpy\n{line}\n"})
    named = line.split()[-1]
    assert str(refused.value) == (
        f"The requirements cannot be installed: they name {named}, and what was submitted has no "
        f"such file. See whether .gitignore or .foundationsignore leave it out."
    )


def test_a_link_out_of_the_project_is_not_read(tmp_path: Path) -> None:
    """As an earlier attempt of a job could have left it, to be told what lies there."""
    (tmp_path / "job_source").mkdir()
    (tmp_path / "secret.txt").write_text("/a/secret/path\n")
    (tmp_path / "job_source" / "requirements.txt").symlink_to(tmp_path / "secret.txt")
    found = read(tmp_path, {})
    assert found is not None
    assert found.own_reason == "requirements.txt is a link that leads out of the project"


def test_a_file_of_any_size_is_read_in_part_only(tmp_path: Path) -> None:
    (tmp_path / "job_source").mkdir()
    with (tmp_path / "job_source" / "requirements.txt").open("wb") as file:
        file.truncate(10**12)
    found = read(tmp_path, {})
    assert found is not None
    assert found.own_reason == "requirements.txt is larger than 10 MB"


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("PIP_CONSTRAINT", "bounds.txt", "bounds.txt"),
        ("PIP_CONSTRAINT", "/job/job_source/bounds.txt", "bounds.txt"),
        ("UV_OVERRIDE", "https://example.org/o.txt bounds.txt", "bounds.txt"),
        ("PIP_FIND_LINKS", "file:///job/job_source/wheels", "wheels/a-1-py3-none-any.whl"),
        ("UV_FIND_LINKS", "/opt/wheels,wheels", "wheels/a-1-py3-none-any.whl"),
        ("ATLAS_ALSO_INSTALL", "./own-1-py3-none-any.whl", "own-1-py3-none-any.whl"),
    ],
)
def test_files_that_variables_name_tell_requirements_apart(
    tmp_path: Path, name: str, value: str, path: str
) -> None:
    found = [
        read(
            tmp_path / directory,
            {"requirements.txt": "numpy\n", path: content},
            variables={name: value},
        )
        for directory, content in (("a", "numpy<2\n"), ("b", "numpy<2\n"), ("c", "numpy<3\n"))
    ]
    digests = [one.digest for one in found if one is not None and one.own_reason is None]
    assert len(digests) == 3
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PIP_CONFIG_FILE", "pip.conf", "PIP_CONFIG_FILE is a file of the project"),
        ("PIP_INDEX_URL", "file:///job/job_source/index", "PIP_INDEX_URL is a directory of the "),
    ],
)
def test_variables_that_lead_to_more_of_the_project_are_for_the_job_alone(
    tmp_path: Path, name: str, value: str, reason: str
) -> None:
    files = {"requirements.txt": "numpy\n", "pip.conf": "", "index/numpy/index.html": ""}
    found = read(tmp_path, files, variables={name: value})
    assert found is not None
    assert (found.own_reason or "").startswith(reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "-e git+https://${TOKEN}@example.org/lab/own.git#egg=own",
            "git+https://***@example.org/lab/own.git#egg=own is installed as editable",
        ),
        (
            "-e git+https://example.org/lab/own.git@main#egg=own",
            "git+https://example.org/lab/own.git@main#egg=own is installed as editable",
        ),
        (
            "-r https://ada:${TOKEN}@example.org/r.txt",
            "what https://***@example.org/r.txt says may ",
        ),
        (
            "own @ https://ada:pass@example.org/own.whl --config-settings=a=b",
            "only pip reads 'own @ https://***@example.org/own.whl --config-settings=a=b'",
        ),
    ],
)
def test_no_reason_tells_what_lets_somebody_in(tmp_path: Path, line: str, reason: str) -> None:
    """It stands in the log, which others may read."""
    found = read(tmp_path, {"requirements.txt": f"{line}\n"}, variables={"TOKEN": "t0ken"})
    assert found is not None
    assert found.own_reason is not None
    assert found.own_reason.startswith(reason)
    assert "t0ken" not in found.own_reason


def test_of_a_directory_of_packages_only_packages_count(tmp_path: Path) -> None:
    """With the project as such a directory, every change of its code would make an environment."""
    files = {"requirements.txt": "--find-links .\na\n", "a-1-py3-none-any.whl": "wheel"}
    found = [
        read(tmp_path / code, {**files, "main.py": code, "data.bin": code}) for code in ("a", "b")
    ]
    assert found[0] is not None
    assert found[0] == found[1]
    assert found[0].files == ("./", "a-1-py3-none-any.whl", "requirements.txt")


def test_a_path_in_the_container_means_the_project(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "own @ file:///job/job_source/own-1-py3-none-any.whl\n",
        "own-1-py3-none-any.whl": "own",
    }
    found = read(tmp_path, files)
    assert found is not None
    assert found.own_reason is None


def test_what_is_asked_for_beside_the_file_is_another_environment(tmp_path: Path) -> None:
    also = {"ATLAS_ALSO_INSTALL": " jupyterlab  numpy>=2 "}
    alone = read(tmp_path, {"main.py": ""}, variables=also)
    assert alone is not None
    assert (alone.place, alone.named) == ("", "jupyterlab and numpy>=2")
    plain = read(tmp_path, {"requirements.txt": "pandas\n"})
    both = read(tmp_path, {}, variables=also)
    assert plain is not None
    assert both is not None
    assert (both.place, both.named) == (
        "requirements.txt",
        "requirements.txt and jupyterlab and numpy>=2",
    )
    assert len({alone.digest, plain.digest, both.digest}) == 3
    assert read(tmp_path, {}, variables={"ATLAS_ALSO_INSTALL": " "}) == plain


def test_a_key_is_made_of_requirements_and_base() -> None:
    requirements = [Requirements("requirements.txt", digest) for digest in "ab"]
    orders = [
        Order(one, base=base, ground=(identity,), python=("python",), variables={})
        for one in requirements
        for base in ("image:1", "image:latest")
        for identity in ("sha256:0", "sha256:1")
    ]
    assert len({one.key for one in orders}) == 4, "the name of the image is of no meaning"
    assert all(len(one.key) == 32 for one in orders)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            ["Resolved", "error: No solution found", "  cause: Because a", "  cause: and b."],
            "No solution found: Because a: and b.",
        ),
        (["error: first", "error: second", "  more of it"], "second more of it."),
        (["warning: a", "Segmentation fault", ""], "Segmentation fault."),
        ([], "the build ended with exit code 137."),
        (
            ["error: a", "  cause: expected version", "      idna ==", "           ^^"],
            "a: expected version.",
        ),
        (["error: " + "x" * 1000], "x" * 599 + "…"),
    ],
)
def test_the_reason_is_in_one_line_of_uvs_own_words(said: list[str], reason: str) -> None:
    assert reason_of(said, 137) == reason
