"""The names that `foundations` offers are there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import foundations


@pytest.mark.parametrize("name", foundations.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(foundations, name) is not None


def test_no_public_name_is_offered_twice() -> None:
    assert len(set(foundations.__all__)) == len(foundations.__all__)


def test_dir_lists_the_public_names_before_any_is_used() -> None:
    assert dir(foundations) == sorted(foundations.__all__)


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'foundations' has no attribute 'log_metrics'"):
        _ = foundations.log_metrics


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("set_project_name", "`project_name` in job.config.yaml"),
        ("set_job_resources", "`num_gpus`, `ram`"),
        ("set_environment", "`foundations.submit(scheduler_config=...)`"),
        ("create_syncable_directory", "`foundations.save_artifact`"),
        ("flatten_parameter_dictionary", "`foundations.flatten_parameters`"),
        ("log", "`foundations.log_metric(key, value)`"),
        ("log_metrics", "`foundations.log_metric(key, value)`"),
        ("log_artifact", "`foundations.save_artifact(path)`"),
        ("init", "`foundations.start_run(project)`"),
        ("finish", "`foundations.end_run()`"),
    ],
)
def test_a_name_of_other_programs_says_what_stands_for_it(name: str, advice: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(foundations, name)

    assert advice in str(caught.value)
    assert not hasattr(foundations, name)


def test_a_misspelt_name_is_told_which_was_meant() -> None:
    program = [sys.executable, "-c", "import foundations; foundations.log_parms"]

    told = subprocess.run(program, capture_output=True, text=True, check=False).stderr

    assert told.endswith("no attribute 'log_parms'. Did you mean: 'log_params'?\n")
