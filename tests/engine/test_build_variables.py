"""What the installation of requirements sees of a job's variables."""

from __future__ import annotations

import pytest

from atlas_scheduler.engine.build_variables import in_key, seen, settings_words


@pytest.mark.parametrize(
    "name",
    [
        *("PIP_INDEX_URL", "UV_INDEX", "PATH", "https_proxy", "HTTPS_PROXY", "SSL_CERT_FILE"),
        *("CC", "CFLAGS", "CMAKE_ARGS", "TORCH_CUDA_ARCH_LIST", "CARGO_HOME", "LD_LIBRARY_PATH"),
    ],
)
def test_what_tools_that_build_ask_for_is_seen(name: str) -> None:
    assert seen({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        *("SEED", "WANDB_NAME", "FOUNDATIONS_JOB_ID", "FOUNDATIONS_USER", "ATLAS_ALSO_INSTALL"),
        *("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "PYTHONPATH", "LD_PRELOAD"),
    ],
)
def test_what_differs_from_job_to_job_is_not(name: str) -> None:
    assert seen({name: "x"}) == {}


def test_more_is_seen_when_it_is_named() -> None:
    given = {"GGML_CUDA": "1", "TOKEN": "t", "SEED": "2", "ATLAS_INSTALL_VARIABLES": "GGML_CUDA NO"}
    assert seen(given, named={"TOKEN"}) == {"GGML_CUDA": "1", "TOKEN": "t"}


def test_a_key_has_names_and_values_in_one_order() -> None:
    assert in_key({"CC": "clang", "CFLAGS": "-O3"}) == in_key({"CFLAGS": "-O3", "CC": "clang"})
    assert in_key({"CC": "clang"}) != in_key({"CC": "gcc"})


def test_words_of_settings_are_listed() -> None:
    given = {"PIP_FIND_LINKS": " a  b ", "UV_FIND_LINKS": "c,d", "CFLAGS": "-O3", "PIP_PRE": ""}
    assert settings_words(given) == [
        *(("PIP_FIND_LINKS", "a"), ("PIP_FIND_LINKS", "b")),
        *(("UV_FIND_LINKS", "c"), ("UV_FIND_LINKS", "d")),
    ]
