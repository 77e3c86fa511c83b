"""What the platform that hosts containers gives them besides what their template says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Platform(Protocol):
    """Asked once for each container that starts; `resource` is its app's or job's lower-case id."""

    def variables(self, resource: str, *, starting: bool) -> Mapping[str, str]:
        """Return variables that lie under the container's own; `starting` is an init container."""
        ...

    def trust(self) -> Mapping[str, str]:
        """Return variables that let a program trust what the platform's own services show; on Azure none are needed."""
        ...

    def pull_refusal(self, resource: str, image: str) -> str:
        """Return why an image may not be pulled, a sentence, or nothing."""
        ...


class BarePlatform:
    """Gives nothing and refuses nothing."""

    def variables(self, resource: str, *, starting: bool) -> Mapping[str, str]:
        """Return none."""
        del resource, starting
        return {}

    def trust(self) -> Mapping[str, str]:
        """Return none."""
        return {}

    def pull_refusal(self, resource: str, image: str) -> str:
        """Return nothing."""
        del resource, image
        return ""
