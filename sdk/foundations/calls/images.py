"""Requests about the images that were built for jobs."""

from __future__ import annotations

from foundations.calls.call import Call
from foundations.lazy_models import models


def images() -> Call[models.ImagesView]:
    """Ask which images were built for jobs, and what they take."""
    return Call("GET", "/images", lambda _, body: models.ImagesView.model_validate_json(body))


def prune_images(*, unused_days: float = 0) -> Call[models.PrunedImages]:
    """Remove built images that no job uses now, and none used for so many days."""
    return Call(
        "POST",
        "/images/prune",
        lambda _, body: models.PrunedImages.model_validate_json(body),
        json={"unused_days": unused_days},
    )
