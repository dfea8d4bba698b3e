"""`Asked`: which parts of an audit there are, and when each was measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

__all__ = ["PARTS", "Asked", "asked_now"]

PARTS = {
    "unnamed": ("outer", "border", "maps", "labels", "labels_said"),
    "corruptions": ("corruptions",),
    "against": ("against",),
    "repair": ("repair",),
}
"""What may be asked besides columns -> the fields of an `Audit` that hold it."""


@dataclass(frozen=True)
class Asked:
    """When one part of an audit was measured.

    Attributes:
        when: Date and time to the minute, as ISO 8601 has it.
        seed: Of what was drawn for it.
        version: Of Headstart.
        kept: Whether that was in an earlier audit of the same model and the same images.
    """

    when: str
    seed: int
    version: str
    kept: bool = False

    def same_way(self, other: Asked) -> bool:
        """Whether another would measure the same."""
        return (self.seed, self.version) == (other.seed, other.version)


def asked_now(seed: int) -> Asked:
    """Returns when, and how, a part is measured that is measured now.

    Args:
        seed: Of what is drawn for it.
    """
    when = datetime.now().astimezone().isoformat(timespec="minutes")
    return Asked(when, seed, version("headstart"))
