"""`infer`: what a network under training gives for some images, by all its replicas."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from headstart.images.inputs import InputImages
from headstart.nets.learning.trainable import TrainableModel
from headstart.training.gradient import autocast

__all__ = ["infer"]

_BATCH = 32


def infer(
    replicas: list[TrainableModel],
    inputs: InputImages,
    pool: ThreadPoolExecutor,
    *,
    device: str,
    mirrored: bool = False,
) -> np.ndarray:
    """Returns the outputs of M images, (M, ...) float32, in their order.

    Args:
        replicas: Networks of the same weights, one a thread; left in evaluation mode.
        inputs: M images of the network's size.
        pool: With as many threads as there are replicas.
        device: Where the networks are.
        mirrored: Of the images with left and right exchanged.
    """
    for net in replicas:
        net.eval()
    if not len(inputs):
        size = replicas[0].pool.size
        image = torch.zeros((1, size, size, 3), dtype=torch.uint8, device=device)
        with torch.inference_mode(), autocast(device):
            return replicas[0](image).float().cpu().numpy()[:0]
    starts = list(range(0, len(inputs), _BATCH))

    def batch(start: int, net: TrainableModel) -> np.ndarray:
        images = np.stack([inputs[i] for i in range(start, min(start + _BATCH, len(inputs)))])
        if mirrored:
            images = images[:, :, ::-1].copy()
        with torch.inference_mode(), autocast(device):
            return net(torch.from_numpy(images).to(device)).float().cpu().numpy()

    def share(number: int) -> list[np.ndarray]:
        return [batch(start, replicas[number]) for start in starts[number :: len(replicas)]]

    shares = list(pool.map(share, range(len(replicas))))
    return np.concatenate(
        [shares[i % len(replicas)][i // len(replicas)] for i in range(len(starts))]
    )
