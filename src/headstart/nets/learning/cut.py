"""`cut`: a network in two at the edge of what may learn, so that the frozen part runs once.

The graph of the network is traced (torch.fx, as timm's own feature extraction does); everything
that does not depend on a learning weight is the frozen part.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx, nn

from headstart.nets.learning.trainable import TrainableModel

__all__ = ["Cut", "cut"]


@dataclass
class Cut:
    """A network's vectors in two steps, on the weights of the network itself.

    Attributes:
        below: (n, size, size, 3) uint8 to (n, ...): the frozen part.
        above: That to what the head chooses from; gradients flow here only.
    """

    below: nn.Module
    above: nn.Module


class _Vectors(nn.Module):
    """What is cut: pixels to the vector before the classifier."""

    def __init__(self, net: TrainableModel) -> None:
        super().__init__()
        self.pool = net.pool

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.pool.last(images)


class _Tracer(fx.Tracer):
    """Sees what timm says cannot be traced as one step."""

    def __init__(self) -> None:
        from timm.models._features_fx import get_notrace_functions, get_notrace_modules

        super().__init__(autowrap_functions=tuple(get_notrace_functions()))
        self._whole = tuple(get_notrace_modules())

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, self._whole) or super().is_leaf_module(m, module_qualified_name)


def cut(net: TrainableModel) -> Cut | None:
    """Cuts a network where its frozen part ends.

    Args:
        net: Whose `set_trainable` has been called, in the mode in which it trains.

    Returns:
        The two parts, sharing the network's modules; or None where nothing is frozen, where the
        network cannot be traced, where more than one value crosses the edge, or where the two
        parts together do not give the same vectors (they are compared on one image).
    """
    if not net.last_only:
        return None
    whole = _Vectors(net)
    try:
        graph = _Tracer().trace(whole)
        parts = _divide(whole, graph)
    except Exception:  # tracing fails in as many ways as networks are written
        return None
    if parts is None:
        return None
    size = net.pool.size
    rng = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (1, size, size, 3), generator=rng, dtype=torch.uint8)
    image = image.to(net.head.weight.device)
    modes = [module.training for module in net.modules()]
    with torch.inference_mode():
        net.eval()
        wanted = net.pool.last(image)
        try:
            same = torch.allclose(parts.above(parts.below(image)), wanted, rtol=1e-3, atol=1e-4)
        except Exception:
            same = False
    for module, training in zip(net.modules(), modes, strict=True):
        module.training = training
    return parts if same else None


def _divide(whole: nn.Module, graph: fx.Graph) -> Cut | None:
    above: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "call_module":
            own = list(whole.get_submodule(str(node.target)).parameters())
        elif node.op == "get_attr" and isinstance(value := _attribute(whole, node), nn.Parameter):
            own = [value]
        else:
            own = []
        learns = any(each.requires_grad for each in own)
        if node.op != "output" and (learns or any(each in above for each in node.all_input_nodes)):
            above.add(node)
    [output] = [node for node in graph.nodes if node.op == "output"]
    order = {node: number for number, node in enumerate(graph.nodes)}
    while True:
        used = {each for node in above for each in node.all_input_nodes if each not in above}
        # Weights and constants that are read above cost nothing to read there.
        crossing = {each for each in used if each.op != "get_attr"}
        last = max(crossing, key=lambda each: order[each], default=None)
        if len(crossing) < 2 or last is None or not above.issuperset(last.users):
            break
        above.add(last)  # the pooling of a shortcut: it belongs to the block that it goes round
    if len(crossing) > 1 or any(each.op == "placeholder" for each in crossing):
        return None
    if not any(each.op == "call_module" for each in order if each not in above):
        return None  # normalising pixels is no work
    if not above:
        return Cut(fx.GraphModule(whole, graph), nn.Identity())
    if not crossing:
        return None
    [edge] = crossing
    lower, upper = fx.Graph(), fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        if node not in above and node.op != "output":
            copies[node] = lower.node_copy(node, lambda each: copies[each])
    lower.output(copies[edge])
    values: dict[fx.Node, fx.Node] = {edge: upper.placeholder("activations")}
    for node in graph.nodes:
        if node in above or (node.op == "get_attr" and node in used):
            values[node] = upper.node_copy(node, lambda each: values[each])
    upper.output(values[output.args[0]])
    return Cut(fx.GraphModule(whole, lower), fx.GraphModule(whole, upper))


def _attribute(module: nn.Module, node: fx.Node) -> object:
    *path, name = str(node.target).split(".")
    return getattr(module.get_submodule(".".join(path)), name)
