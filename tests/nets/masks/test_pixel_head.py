"""What heads that answer every pixel have in common, whoever's their layers are."""

from __future__ import annotations

from tests.nets.smp_maps import plan_of

from headstart.nets.masks.head import DenseHead, DensePlan
from headstart.nets.masks.pixel_head import PixelHead
from headstart.nets.smp.head import SmpHead


def test_both_answer_pixels_in_cells_of_their_own_stride():
    ours = DenseHead(DensePlan("linear", (4, 8), (8, 16), (0, 1), 5), {})
    theirs = SmpHead(plan_of("unet", classes=5), {})
    for head, cells in ((ours, 8), (theirs, 64)):
        assert isinstance(head, PixelHead)
        assert (head.answers, head.of_pixels, head.views) == ("masks", True, (1, 2, 8))
        assert head.outputs_at(64) == {"probabilities": (5, cells, cells)}
