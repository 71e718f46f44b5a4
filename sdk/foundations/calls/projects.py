"""Requests about projects."""

from __future__ import annotations

import json as json_text

from foundations.calls.call import Call, named_path
from foundations.lazy_models import models


def projects() -> Call[list[models.ProjectView]]:
    """Ask for every project."""
    return Call(
        "GET",
        "/projects",
        lambda _, body: [models.ProjectView.model_validate(one) for one in json_text.loads(body)],
    )


def rename_project(name: str, new_name: str) -> Call[models.ProjectView]:
    """Give a project another name."""
    return Call("POST", f"{_project(name)}/rename", _project_view, json={"new_name": new_name})


def describe_project(name: str, description: str) -> Call[models.ProjectView]:
    """Say what a project is about."""
    path = f"{_project(name)}/description"
    return Call("PUT", path, _project_view, json={"description": description})


def set_retention(name: str, rule: models.RetentionRule | None) -> Call[models.ProjectView]:
    """Set what a project keeps of its jobs; None leaves it to the server's settings."""
    body = None if rule is None else rule.model_dump(mode="json", exclude_none=True)
    return Call("PUT", f"{_project(name)}/retention", _project_view, json={"rule": body})


def delete_project(name: str) -> Call[models.DeletedProject]:
    """Delete a project whose jobs have all ended, with them."""
    return Call("DELETE", _project(name), _deleted_project)


def restore_project(name: str) -> Call[models.DeletedProject]:
    """Undo the deletion of a project."""
    return Call("POST", f"{_project(name)}/restore", _deleted_project)


def _project(name: str) -> str:
    """Path of a project."""
    return named_path("projects", name, "the name of a project")


def _deleted_project(status: int, body: bytes) -> models.DeletedProject:
    return models.DeletedProject.model_validate_json(body)


def _project_view(status: int, body: bytes) -> models.ProjectView:
    return models.ProjectView.model_validate_json(body)
