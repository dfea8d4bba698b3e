"""`FilmAnswers`: what is kept of a film whose answers are places, and what was counted on it.

Of every frame its record and its words stay, and not the maps or boxes that they were made of: a
film of two hours takes no more memory than its lines of text.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from headstart.predictions import predictions_html

__all__ = ["FilmAnswers", "FilmObject"]


@dataclass(frozen=True)
class FilmObject:
    """One object that was followed from frame to frame.

    Attributes:
        number: From 1, in order of appearance.
        kind: Its class.
        begun: Seconds when it was seen first.
        seen: Seconds when it was seen last.
        looks: Frames that it was seen on.
        score: The highest of them.
        box: Left, top, right, bottom where it was seen last, in pixels.
    """

    number: int
    kind: str
    begun: float
    seen: float
    looks: int
    score: float
    box: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """Returns what JSON shows."""
        found = dataclasses.asdict(self)
        found["class"] = found.pop("kind")
        return found


@dataclass(frozen=True)
class FilmAnswers:
    """An answer a frame, as fields and as words.

    Attributes:
        names: N names of the frames.
        classes: C class names.
        records: N, what `record` gives.
        texts: N, what `text` gives.
        errors: name -> reason, of the end of a film that came too soon.
        objects: That were followed, of models of boxes.
        glimpsed: Objects that were seen on one frame only, and are not among them.
        boxes: None: frames are no parts of images.
        noun: What the items are.
    """

    noun: ClassVar[str] = "frames"

    names: tuple[str, ...]
    classes: tuple[str, ...]
    records: tuple[dict[str, Any], ...]
    texts: tuple[str, ...]
    errors: dict[str, str] = field(default_factory=dict)
    objects: tuple[FilmObject, ...] | None = None
    glimpsed: int = 0
    boxes: None = None

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"FilmAnswers({len(self):,} frames; {self.told or ', '.join(self.classes)})"

    def _repr_html_(self) -> str:
        return predictions_html(self)

    def take(self, indices: np.ndarray) -> FilmAnswers:
        """Returns the answers of some frames, by (M,) int indices or (N,) bool mask."""
        rows = np.flatnonzero(indices) if indices.dtype == bool else indices
        names = tuple(self.names[i] for i in rows)
        return dataclasses.replace(
            self,
            names=names,
            records=tuple(self.records[i] for i in rows),
            texts=tuple(self.texts[i] for i in rows),
            errors={name: why for name, why in self.errors.items() if name in set(names)},
        )

    @property
    def counts(self) -> dict[str, int]:
        """Class -> objects that were followed; empty where nothing is followed."""
        kinds = [each.kind for each in self.objects or ()]
        return {} if self.objects is None else {name: kinds.count(name) for name in self.classes}

    @property
    def told(self) -> str:
        """How many of each class were followed, in words."""
        if self.objects is None:
            return ""
        seen = [f"{number:,} {name}" for name, number in self.counts.items() if number]
        told = f"followed: {', '.join(seen) or 'no object'}"
        if not self.glimpsed:
            return told
        once = f"{told}; not counted: {self.glimpsed:,} seen on one frame only"
        # They move further than their size from look to look, or they are false alarms.
        return once if self.glimpsed <= len(self.objects) else f"{once} (try a higher --fps)"

    @property
    def answered(self) -> np.ndarray:
        """(N,) bool: which frames have an answer."""
        return np.array(["error" not in each for each in self.records], bool)

    def answers(self) -> np.ndarray:
        """Returns (N,) str words; empty where there is no answer."""
        return np.array([t if a else "" for t, a in zip(self.texts, self.answered)], str)

    def agrees(self, other: FilmAnswers) -> np.ndarray:
        """Returns (N,) bool: the same words."""
        return self.answers() == other.answers()

    def record(self, index: int) -> dict[str, Any]:
        """Returns what was answered to one frame."""
        return {"name": self.names[index], **self.records[index]}

    def text(self, index: int) -> str:
        """Returns the same in words."""
        return self.texts[index]

    def as_json(self) -> dict[str, Any]:
        """Returns what JSON shows: all frames, and what was counted."""
        answers = [self.record(index) for index in range(len(self))]
        found: dict[str, Any] = {"classes": self.classes, "answers": answers}
        if self.objects is not None:
            found |= {"count": self.counts, "followed": self.objects, "glimpsed": self.glimpsed}
        return found
