"""`MetricRecipe`: everything that decides the training of an embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.errors import OptionError
from headstart.training.schedule import Freeze, Recipe

__all__ = ["PAIRWISE", "EmbeddingHead", "LossName", "MetricRecipe", "Mining"]

LossName = Literal[
    "triplet", "contrastive", "supcon", "arcface", "cosface", "proxyanchor", "softmax"
]
EmbeddingHead = Literal["whitened", "none"]
Mining = Literal["semihard", "hard", "distance", "all"]

PAIRWISE = frozenset({"triplet", "contrastive", "supcon"})
"""Losses without weights of their own."""


@dataclass(frozen=True)
class MetricRecipe(Recipe):
    """One way to train an embedding; what is not said here is as in `Recipe`.

    Attributes:
        loss: ``"triplet"`` (Schroff et al., CVPR 2015), ``"contrastive"`` (Hadsell et al., CVPR
            2006), ``"supcon"`` (Khosla et al., NeurIPS 2020), ``"arcface"`` (Deng et al., CVPR
            2019), ``"cosface"`` (Wang et al., CVPR 2018), ``"proxyanchor"`` (Kim et al., CVPR
            2020), or ``"softmax"``: a plain classifier of the training identities.
        mining: Which triplets are learnt from: ``"semihard"``: the negative is further away than
            the positive, but by less than the margin; ``"hard"``: the furthest positive and the
            nearest negative of every image (Hermans et al., 2017); ``"distance"``: negatives drawn
            evenly over distances (Wu et al., ICCV 2017); ``"all"``.
        margin: Of the loss; 0 is what is usual for it.
        head: ``"whitened"``: a linear projection, begun at `whitening` of the frozen features;
            ``"none"``: the embedding is the network's own vector.
        dimension: Length of the projection's vectors; 0 is that of the network's own.
        identities: Identities in a batch.
        each: Images of each of them.
        unseen: Share of the identities that are held out to be measured on.
    """

    epochs: int = 10
    lr: float = 1e-4
    backbone_lr: float = 1.0
    freeze: Freeze = "gradual"
    loss: LossName = "triplet"
    mining: Mining = "semihard"
    margin: float = 0.0
    head: EmbeddingHead = "whitened"
    dimension: int = 0
    identities: int = 8
    each: int = 4
    unseen: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = ""
        if self.identities < 2 or self.each < 2:
            wrong = (
                f"identities={self.identities},each={self.each}: at least 2 images of 2 people "
                f"a batch"
            )
        elif self.margin < 0 or self.dimension < 0:
            wrong = f"margin={self.margin:g},dimension={self.dimension}: at least 0"
        elif not 0 < self.unseen < 1:
            wrong = f"unseen={self.unseen:g}: above 0 and below 1"
        elif not self.refit:
            wrong = "refit=false: people who decide are never trained on; leave it out"
        elif self.mixup:
            wrong = f"mixup={self.mixup:g}: a mixture of two people is nobody; leave it out"
        elif self.mining != "semihard" and self.loss != "triplet":
            wrong = f"mining={self.mining}: only loss=triplet mines; {self.loss} takes all pairs"
        elif self.dimension and self.head == "none":
            wrong = f"dimension={self.dimension}: head=none has no projection to shorten vectors"
        elif self.freeze == "head" and self.headless:
            wrong = f"freeze=head: nothing would learn with head=none and loss={self.loss}"
        if wrong:
            raise OptionError(f"--recipe {wrong}")

    def trainable_stages(self, share: float, *, n_stages: int) -> int:
        """As `Recipe.trainable_stages`; without a head, the last stage is the first to learn."""
        return max(1 + self.headless, super().trainable_stages(share, n_stages=n_stages))

    @property
    def headless(self) -> bool:
        """Whether there is nothing above the network that could learn."""
        return self.head == "none" and self.loss in PAIRWISE
