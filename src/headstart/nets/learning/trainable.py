"""`TrainableModel`: a backbone and a given head as one module that can be trained.

What the backbone learns goes back into timm's layout, and a linear head into a plain `Head`, so a
fine-tuned model is an ordinary model: the same engines, the same prediction.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from headstart.images.preprocess import Preprocess
from headstart.nets.engines.on_torch import conv_norm_pairs
from headstart.nets.heads.head import Head
from headstart.nets.stages import StagePool

__all__ = ["TrainableModel"]

_NORMS = (nn.modules.batchnorm._BatchNorm,)
_DROPOUTS = (nn.modules.dropout._DropoutNd,)


class TrainableModel(nn.Module):
    """A timm network, a head on what its stages give, and who of them may learn.

    Args:
        network: A timm model without classifier; it is trained in place.
        preprocess: Size and normalisation.
        columns: (d,) int which of the backbone's pooled vectors the head reads; None for a head
            that reads the maps of the stages.
        head: (N, d), or a list of (N, C, h, w), to one tensor with N rows. It starts from its
            fitted probe where there is one (LP-FT; Kumar et al., ICLR 2022).
        dropout: Share of the vectors' numbers that are dropped before the head.
        freeze_bn_stats: BatchNorm keeps the statistics of the pretraining, as if at test,
            also where its weights learn. Small batches of few images make poor statistics.

    Attributes:
        depths: Parameter name -> layer, 0 at the input; the head is the last (`n_layers` - 1).
        stages: Parameter name -> coarse stage, likewise; the unit of unfreezing.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocess: Preprocess,
        columns: np.ndarray | None,
        head: nn.Module,
        *,
        dropout: float = 0.0,
        freeze_bn_stats: bool = True,
    ) -> None:
        super().__init__()
        self.pool = pool = StagePool(network, preprocess)
        self.columns = columns
        self.last_only = False
        if columns is not None:
            last = pool.layout[-1][1]
            width = sum(each for _, each in pool.layout)
            # Where only the last layer is read, the other stages need not be pooled.
            self.last_only = bool((columns >= width - last).all())
            start = width - last if self.last_only else 0
            self.register_buffer("_chosen", torch.from_numpy(columns - start), persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.head = head
        self.freeze_bn_stats = freeze_bn_stats
        # What the frozen part leaves to be done while it trains; in a tuple, or torch would list
        # its modules twice.
        self.above: tuple[nn.Module, ...] = ()
        self._patch_onednn()
        self.depths = self._layers(coarse=False)
        self.stages = self._layers(coarse=True)

    def _layers(self, *, coarse: bool) -> dict[str, int]:
        """Returns parameter name -> layer, by the order that timm knows of its network."""
        from timm.models import group_parameters

        network = self.pool.network
        prefix = "pool.network."
        found: dict[str, int] = {}
        for kind in (coarse, False):
            try:
                matcher = network.group_matcher(coarse=kind)
                found = group_parameters(network, matcher, reverse=True)
                break
            except (AttributeError, TypeError, AssertionError, NotImplementedError):
                # A network that timm has not sorted, or not by stages: one layer.
                found = {name: 0 for name, _ in network.named_parameters()}
        top = max(found.values(), default=0) + 1
        layers = {prefix + name: layer for name, layer in found.items()}
        return {name: layers.get(name, top) for name, _ in self.named_parameters()}

    @property
    def n_layers(self) -> int:
        """Number of fine layers, the head's included."""
        return max(self.depths.values()) + 1

    @property
    def n_stages(self) -> int:
        """Number of coarse stages, the head's included."""
        return max(self.stages.values()) + 1

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns what the head gives, one tensor with N rows.

        Args:
            images: (N, size, size, 3) uint8 RGB, or float on the same scale; while it trains with
                `above` set, (N, ...) what the frozen part made of them.
        """
        if self.columns is None:
            return self.head(self.pool.maps(images))
        return self.head(self.dropout(self.vectors(images)))

    def vectors(self, images: torch.Tensor) -> torch.Tensor:
        """Returns the (N, d) that a head of vectors reads."""
        if self.training and self.above:
            if images.ndim == 4:
                images = images.contiguous(memory_format=torch.channels_last)
            vectors = self.above[0](images)
        elif self.last_only:
            vectors = self.pool.last(images)
        else:
            vectors = self.pool(images)
        return vectors.float().index_select(1, self._chosen)

    def train(self, mode: bool = True) -> TrainableModel:
        """As `nn.Module.train`, but BatchNorm that is frozen keeps its statistics."""
        super().train(mode)
        if mode:
            for module in self.norms():
                learns = module.weight is not None and module.weight.requires_grad
                if self.freeze_bn_stats or not learns:
                    module.eval()
        return self

    def norms(self) -> Iterator[nn.Module]:
        """Yields every BatchNorm."""
        return (module for module in self.modules() if isinstance(module, _NORMS))

    def set_trainable(self, stages: int, *, norms_only: bool = False) -> None:
        """Freezes all but the top.

        Args:
            stages: How many coarse stages from the top may learn; 1 is the head alone.
            norms_only: Below the head, only biases and the weights of normalisation.
        """
        lowest = self.n_stages - stages
        for name, parameter in self.named_parameters():
            learns = self.stages[name] >= lowest
            if norms_only and self.stages[name] < self.n_stages - 1:
                learns = learns and parameter.ndim <= 1
            parameter.requires_grad_(learns)
        self.train(self.training)

    def fuse(self) -> int:
        """Makes convolution and frozen BatchNorm one operation, exactly and still learning.

        With fixed statistics BatchNorm is a scale and a shift, which are applied to the
        convolution's weights instead of to its output. Every parameter keeps its name and
        gradient; what is saved is a pass over every activation, forward and backward.

        Returns:
            How many pairs were made one; those are left whose convolution's output goes past
            the BatchNorm too (the first block of CoAtNet and MaxViT).
        """
        if not self.freeze_bn_stats:
            return 0
        before = self._proof()

        def same() -> bool:
            return bool((self._proof() - before).abs().max() <= 1e-3 * before.abs().max())

        fused = [pair for pair in conv_norm_pairs(self.pool) if _fuse(*pair)]
        if same():
            return len(fused)
        for pair in fused:
            _unfuse(*pair)
        count = 0
        for pair in fused:
            _fuse(*pair)
            if same():
                count += 1
            else:
                _unfuse(*pair)
        self._patch_onednn()
        return count

    def _patch_onednn(self) -> None:
        """Goes round a crash of torch (2.15 on CPUs, in oneDNN).

        Channels-last, the gradient of a strided 1 x 1 convolution of 2 to 4 channels is written
        past its memory: RepVGG, MobileOne and FastViT begin with one.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and _thin(module) and not hasattr(module, "_norm"):
                module.forward = types.MethodType(_conv_thin, module)

    def _proof(self) -> torch.Tensor:
        """Returns what the head reads of one fixed image of noise, as at test."""
        size, device = self.pool.size, self.pool.inverse_std.device
        rng = torch.Generator().manual_seed(0)
        image = torch.randint(0, 256, (1, size, size, 3), generator=rng, dtype=torch.uint8)
        modes = [module.training for module in self.modules()]
        try:
            with torch.inference_mode():
                self.eval()
                if self.columns is None:
                    maps = self.pool.maps(image.to(device))
                    return torch.cat([each.flatten(1) for each in maps], dim=1)
                return self.vectors(image.to(device))
        finally:
            for module, training in zip(self.modules(), modes, strict=True):
                module.training = training

    def as_head(self) -> Head:
        """Returns a trained linear head as plain arrays."""
        assert isinstance(self.head, nn.Linear), "other heads have a form of their own"
        assert self.columns is not None
        arrays = {"weights": _array(self.head.weight), "bias": _array(self.head.bias)}
        return Head("linear", self.columns, arrays, self.head.out_features)

    def replica(self) -> TrainableModel:
        """Returns a second module on the same weights, with gradients of its own."""
        twin = copy.deepcopy(self)
        for own, shared in zip(twin.parameters(), self.parameters(), strict=True):
            own.data = shared.data
            own.grad = None
        if self.freeze_bn_stats:
            for own, shared in zip(twin.buffers(), self.buffers(), strict=True):
                own.data = shared.data
        return twin

    def is_stochastic(self) -> bool:
        """Tells whether training draws random numbers inside of the network (dropout)."""
        # Of a head only layers of dropout: a loss has a `p` too, that of its distance.
        drops = [each for each in self.head.modules() if isinstance(each, _DROPOUTS)]
        return any(
            getattr(module, name, 0)
            for part in (self.pool, self.dropout, *drops)
            for module in part.modules()
            for name in ("p", "drop_prob", "drop_rate")
            if isinstance(getattr(module, name, 0), int | float)
        )


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().float().numpy().copy()


def _fuse(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> bool:
    """Patches one pair; returns whether that could be done."""
    from timm.layers import Conv2dSame

    if type(conv) not in (nn.Conv2d, Conv2dSame) or conv.padding_mode != "zeros":
        return False
    if norm.running_mean is None or norm.running_var is None or norm.weight is None:
        return False
    # In a tuple, or torch would list the norm as the convolution's child.
    conv._norm = (norm,)
    same = isinstance(conv, Conv2dSame)
    conv.forward = types.MethodType(_conv_same if same else _conv, conv)
    norm.forward = types.MethodType(_activate, norm)
    return True


def _unfuse(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    del conv.forward, norm.forward, conv._norm


def _scaled(conv: nn.Conv2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns weights and bias of a convolution with its BatchNorm in them."""
    (norm,) = conv._norm
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    mean = norm.running_mean if conv.bias is None else norm.running_mean - conv.bias
    return conv.weight * scale.view(-1, 1, 1, 1), norm.bias - mean * scale


def _conv(conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    weight, bias = _scaled(conv)
    if _thin(conv):
        return nn.functional.conv2d(x[:, :, :: conv.stride[0], :: conv.stride[1]], weight, bias)
    return nn.functional.conv2d(
        x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups
    )


def _thin(conv: nn.Conv2d) -> bool:
    """Tells whether a convolution is of those in `TrainableModel._patch_onednn`."""
    return (
        type(conv) is nn.Conv2d
        and conv.in_channels < 8
        and conv.groups == 1
        and conv.kernel_size == (1, 1)
        and conv.stride != (1, 1)
        and conv.padding in ((0, 0), "valid")
    )


def _conv_thin(conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    x = x[:, :, :: conv.stride[0], :: conv.stride[1]]
    return nn.functional.conv2d(x, conv.weight, conv.bias)


def _conv_same(conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    from timm.layers import conv2d_same

    weight, bias = _scaled(conv)
    return conv2d_same(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)


def _activate(norm: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
    """What is left of timm's `BatchNormAct2d`: dropout and activation."""
    for part in ("drop", "act"):
        if hasattr(norm, part):
            x = getattr(norm, part)(x)
    return x
