"""Environments and images that the service in memory keeps."""

from __future__ import annotations

from foundations.models import (
    EnvironmentsView,
    EnvironmentView,
    ImagesView,
    ImageView,
    PrunedEnvironments,
    PrunedImages,
)
from tests.api.fake_service.moment import MOMENT


class FakeShelf:
    """One environment, until it is pruned."""

    def __init__(self) -> None:
        self.ready = [
            EnvironmentView(
                key="3f2a" * 8,
                base="atlas-ce/worker:latest",
                python="3.11.2",
                packages=["numpy==2.1.0"],
                size_bytes=80_000_000,
                created_at=MOMENT,
                used_at=MOMENT,
            )
        ]

    async def view(self) -> EnvironmentsView:
        return EnvironmentsView(
            environments=self.ready,
            size_bytes=sum(one.size_bytes for one in self.ready),
            wheels_bytes=1_000,
            max_bytes=20_000_000_000,
        )

    async def prune(self, *, unused_days: float, by: str) -> PrunedEnvironments:
        kept = self.ready if unused_days else []
        gone = [one for one in self.ready if one not in kept]
        self.ready = kept
        return PrunedEnvironments(
            removed=len(gone), freed_bytes=sum(one.size_bytes for one in gone), in_use=0
        )


class FakeImages:
    """One built image, until it is pruned."""

    def __init__(self) -> None:
        self.built = [
            ImageView(
                key="3f2a" * 4,
                tag=f"atlas-build/abcd1234:{'3f2a' * 4}",
                dockerfile="Dockerfile",
                base="python:3.11-slim",
                size_bytes=70_000_000,
                created_at=MOMENT,
                used_at=MOMENT,
            )
        ]

    async def view(self) -> ImagesView:
        size_bytes = sum(one.size_bytes for one in self.built)
        return ImagesView(images=self.built, size_bytes=size_bytes, max_bytes=50_000_000_000)

    async def prune(self, *, unused_days: float, by: str) -> PrunedImages:
        kept = self.built if unused_days else []
        gone = [one for one in self.built if one not in kept]
        self.built = kept
        freed_bytes = sum(one.size_bytes for one in gone)
        return PrunedImages(removed=len(gone), freed_bytes=freed_bytes, in_use=0)
