"""`TrainableModel`: fused or not it is the same network, and only what should learn does."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.nets.tiny import Plain, head_for, network, noise, sees, trainable, tunable
from torch import nn

from headstart.nets.learning.trainable import TrainableModel
from headstart.nets.stages import StagePool

CONVOLUTIONAL = [
    ("test_resnet", {}),
    ("test_efficientnet", {}),
    ("mobilenetv2_100", {"pad_type": "same"}),
]
UNNORMED = [("test_vit", {"img_size": 64}), ("test_convnext", {})]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def learn(net: TrainableModel, images: torch.Tensor, *, rate: float = 0.01) -> None:
    """One step of plain gradient descent, as training does it."""
    net.train()
    targets = torch.arange(len(images)) % net.head.out_features
    nn.functional.cross_entropy(net(images), targets).backward()
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.grad is not None:
                parameter -= rate * parameter.grad
                parameter.grad = None


def gradients(net: TrainableModel, images: torch.Tensor) -> dict[str, torch.Tensor]:
    net.train()
    targets = torch.arange(len(images)) % net.head.out_features
    nn.functional.cross_entropy(net(images), targets).backward()
    return {name: each.grad for name, each in net.named_parameters() if each.grad is not None}


def assert_same_gradients(
    one: TrainableModel, other: TrainableModel, images: torch.Tensor, tolerance: float
) -> None:
    """Compares every parameter's gradient, by the largest entry."""
    expected, found = gradients(one, images), gradients(other, images)
    assert set(found) == set(expected) == {name for name, _ in one.named_parameters()}
    for name, gradient in expected.items():
        largest = float(gradient.abs().max())
        assert largest > 0, name
        error = float((found[name] - gradient).abs().max())
        assert error <= tolerance * largest, f"{name}: {error:.3g} of {largest:.3g}"


def norms_of(net: nn.Module) -> list[nn.BatchNorm2d]:
    return [each for each in net.modules() if isinstance(each, nn.BatchNorm2d)]


def learning(net: TrainableModel) -> set[str]:
    """Names of the parameters that learn."""
    return {name for name, each in net.named_parameters() if each.requires_grad}


# --- where it starts ----------------------------------------------------------------------------


@pytest.mark.parametrize("stages", ["last", "all"])
@pytest.mark.parametrize(("name", "options"), [CONVOLUTIONAL[0], *UNNORMED])
def test_before_the_first_step_the_scores_are_those_of_the_head(name, options, stages):
    net = network(name, **options)
    head = head_for(net, stages=stages)
    images = noise(5)
    with torch.inference_mode():
        vectors = StagePool(net, sees(64)).eval()(images).numpy()
    tunable_net = trainable(net, sees(64), head, dropout=0.5).eval()
    with torch.inference_mode():
        scores = tunable_net(images).numpy()
    assert scores.shape == (5, 3)
    np.testing.assert_allclose(scores, head.scores(vectors), rtol=1e-4, atol=1e-5)


def test_columns_of_several_stages_in_any_order():
    net = network()
    head = head_for(net, stages="all")
    width = len(head.columns)
    chosen = np.random.default_rng(0).permutation(width)[: width // 2]
    head = type(head)(
        "linear", chosen, {**head.arrays, "weights": head.arrays["weights"][:, chosen]}, 3
    )
    with torch.inference_mode():
        vectors = StagePool(net, sees(64))(noise(3)).numpy()
        scores = trainable(net, sees(64), head).eval()(noise(3)).numpy()
    np.testing.assert_allclose(scores, head.scores(vectors), rtol=1e-4, atol=1e-5)


def test_a_network_that_timm_has_not_sorted_is_one_layer():
    net = trainable(Plain(), sees(16), head_for(Plain(), size=16))
    assert net.n_layers == net.n_stages == 2
    net.set_trainable(1)
    assert learning(net) == {"head.weight", "head.bias"}


class Unsorted(Plain):
    """As `rdnet_tiny`: timm knows its layers and not its stages."""

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        assert not coarse, "coarse grouping is not implemented"
        return {"stem": "^conv", "blocks": "^norm"}


def test_a_network_without_stages_is_unfrozen_by_layers():
    net = trainable(Unsorted(), sees(16), head_for(Plain(), size=16))
    assert net.n_layers == net.n_stages == 3
    net.set_trainable(2)
    assert learning(net) == {
        "head.weight", "head.bias", "pool.network.norm.weight", "pool.network.norm.bias",
    }  # fmt: skip


def test_images_may_be_mixed_already():
    net = tunable().eval()
    with torch.inference_mode():
        assert torch.equal(net(noise(3)), net(noise(3).float()))


def test_layers_go_up_from_the_input():
    net = tunable()
    assert net.stages["head.weight"] == net.n_stages - 1
    assert net.depths["head.bias"] == net.n_layers - 1
    for layers in (net.stages, net.depths):
        places = [layers[f"pool.network.layer{i}.0.conv1.weight"] for i in (1, 2, 3, 4)]
        assert [layers["pool.network.conv1.0.weight"], *places] == [0, 1, 2, 3, 4]
        assert set(layers) == {name for name, _ in net.named_parameters()}


# --- fusing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stages", ["last", "all"])
@pytest.mark.parametrize(("name", "options"), CONVOLUTIONAL)
def test_fused_it_is_the_same_network(name, options, stages):
    plain = tunable(name, stages=stages, **options)
    fused = copy.deepcopy(plain)
    assert fused.fuse() == len(norms_of(plain))
    images = noise(4)
    with torch.no_grad():
        np.testing.assert_allclose(fused.eval()(images), plain.eval()(images), rtol=0, atol=1e-4)
    # Rounding moves a few activations across zero, which is a step in the gradient.
    assert_same_gradients(plain, fused, images, 5e-2)


@pytest.mark.parametrize(("name", "options"), CONVOLUTIONAL)
def test_fused_gradients_are_exact(name, options):
    """In double precision, where no activation crosses zero by rounding."""
    plain = tunable(name, size=32, **options)
    fused = copy.deepcopy(plain)
    assert fused.fuse()
    weights = torch.rand(4, plain.head.in_features, dtype=torch.float64)
    found = []
    for net in (plain.train().double(), fused.train().double()):
        (net.pool.last(noise(4, 32)) * weights).sum().backward()
        found.append({n: p.grad for n, p in net.pool.named_parameters() if p.grad is not None})
    assert set(found[0]) == set(found[1]) == {n for n, _ in plain.pool.named_parameters()}
    for parameter, gradient in found[0].items():
        assert float(gradient.abs().max()) > 0, parameter
        torch.testing.assert_close(found[1][parameter], gradient, rtol=1e-7, atol=1e-7)


def test_fused_it_goes_on_being_the_same_while_it_learns():
    plain = tunable()
    fused = copy.deepcopy(plain)
    fused.fuse()
    for seed in range(3):
        learn(plain, noise(6, seed=seed))
        learn(fused, noise(6, seed=seed))
    with torch.no_grad():
        start = tunable().eval()(noise(4))
        one, other = plain.eval()(noise(4)), fused.eval()(noise(4))
    assert float((one - start).abs().max()) > 1e-2
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-3)


def test_fused_weights_go_back_into_a_plain_network():
    net = tunable()
    names = list(net.state_dict())
    net.fuse()
    learn(net, noise(6))
    assert list(net.state_dict()) == names
    other = network()
    other.load_state_dict(net.pool.network.state_dict())
    with torch.inference_mode():
        vectors = StagePool(other, sees(64))(noise(4)).numpy()
        scores = net.eval()(noise(4)).numpy()
    np.testing.assert_allclose(net.as_head().scores(vectors), scores, rtol=0, atol=1e-4)


@pytest.mark.parametrize("bias", [False, True])
def test_a_convolution_with_a_bias_of_its_own(bias):
    net = trainable(Plain(bias), sees(16), head_for(Plain(), size=16))
    with torch.no_grad():
        for parameter in net.pool.network.parameters():
            parameter.add_(torch.rand_like(parameter))
    fused = copy.deepcopy(net)
    assert fused.fuse() == 1
    assert_same_gradients(net, fused, noise(4, 16), 1e-4)


@pytest.mark.parametrize(("name", "options"), UNNORMED)
def test_nothing_to_fuse(name, options):
    net = tunable(name, **options).eval()
    with torch.inference_mode():
        before = net(noise(2))
        assert net.fuse() == 0
        assert torch.equal(net(noise(2)), before)


def test_learning_statistics_are_not_fused():
    net = tunable(freeze_bn_stats=False)
    assert net.fuse() == 0
    learn(net, noise(6))
    assert any(float(norm.running_mean.abs().max()) for norm in norms_of(net))


class Twice(Plain):
    """The convolution's output goes past its BatchNorm too, so the two cannot be made one."""

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        made = self.conv(x)
        return self.norm(made) + made


class Both(Twice):
    """One pair that can be fused, and one that cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.other = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3).eval()
        self.other.running_mean.fill_(0.1)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward_features(self.other(self.first(x)))


def test_what_can_be_fused_beside_what_cannot():
    base = Both()
    with torch.no_grad():
        base.norm.running_var.fill_(0.3)
    net = trainable(base, sees(16), head_for(base, size=16, scale=1.0)).eval()
    with torch.inference_mode():
        before = net(noise(4, 16))
        assert net.fuse() == 1
        np.testing.assert_allclose(net(noise(4, 16)), before, rtol=1e-4, atol=1e-5)


class Strided(Plain):
    """Begins with a strided 1 x 1 convolution, as RepVGG, MobileOne and FastViT do."""

    def __init__(self) -> None:
        super().__init__(bias=True)
        weight, bias = self.conv.weight, self.conv.bias
        self.conv = nn.Conv2d(3, 3, 1, stride=2)
        self.conv.weight, self.conv.bias = weight, bias


@pytest.mark.parametrize("fuse", [False, True])
def test_no_strided_convolution_of_the_colours(fuse, monkeypatch):
    """Its gradient, channels-last, ends the process in torch 2.15."""
    images = noise(4, 16)
    base = Strided()
    head = head_for(base, size=16)
    with torch.inference_mode():
        expected = head.scores(StagePool(base, sees(16))(images).numpy())
    net = trainable(base, sees(16), head)
    if fuse:
        assert net.fuse() == 1
    strides = []
    conv2d = nn.functional.conv2d

    def watched(*given: object, **named: object) -> torch.Tensor:
        strides.append(given[3] if len(given) > 3 else named.get("stride", (1, 1)))
        return conv2d(*given, **named)

    monkeypatch.setattr(nn.functional, "conv2d", watched)
    with torch.inference_mode():
        np.testing.assert_allclose(net.eval()(images), expected, rtol=1e-4, atol=1e-5)
    assert strides == [(1, 1)]
    assert len(gradients(net.replica(), images)) == 6


def test_what_cannot_be_fused_is_left_as_it_was():
    base = Twice()
    with torch.no_grad():
        base.norm.running_var.fill_(0.3)
        base.norm.running_mean.fill_(0.2)
    net = trainable(base, sees(16), head_for(base, size=16, scale=1.0)).eval()
    with torch.inference_mode():
        before = net(noise(4, 16))
        fused = net.fuse()
        np.testing.assert_allclose(net(noise(4, 16)), before, rtol=1e-4, atol=1e-5)
    assert fused == 0


# --- statistics of BatchNorm --------------------------------------------------------------------


def moved(net: TrainableModel, before: dict[str, torch.Tensor]) -> set[str]:
    """Names of the BatchNorms whose statistics have changed."""
    return {
        name.rsplit(".", 1)[0]
        for name, buffer in net.named_buffers()
        if "running" in name and not torch.equal(buffer, before[name])
    }


def statistics(net: TrainableModel) -> dict[str, torch.Tensor]:
    return {name: each.clone() for name, each in net.named_buffers() if "running" in name}


@pytest.mark.parametrize("fuse", [False, True])
def test_frozen_statistics_never_move(fuse):
    net = tunable()
    if fuse:
        net.fuse()
    before = statistics(net)
    assert before
    for stages in (1, 3, net.n_stages):
        net.set_trainable(stages)
        learn(net, noise(6, seed=stages))
    assert not moved(net, before)


def test_statistics_move_where_blocks_learn_and_only_there():
    net = tunable(freeze_bn_stats=False)
    net.set_trainable(2)
    before = statistics(net)
    learn(net, noise(6))
    found = moved(net, before)
    assert found == {
        name for name, each in net.named_modules()
        if isinstance(each, nn.BatchNorm2d) and ".layer4." in name
    }  # fmt: skip
    before = statistics(net)
    net.set_trainable(net.n_stages)
    learn(net, noise(6))
    assert len(moved(net, before)) == len(norms_of(net))
    net.eval()
    before = statistics(net)
    with torch.no_grad():
        net(noise(6))
    assert not moved(net, before)


# --- who learns ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), [*CONVOLUTIONAL, *UNNORMED])
def test_let_learn_counts_stages_from_the_top(name, options):
    net = tunable(name, **options)
    everything = {each for each, _ in net.named_parameters()}
    for stages in range(1, net.n_stages + 1):
        net.set_trainable(stages)
        expected = {each for each in everything if net.stages[each] >= net.n_stages - stages}
        assert learning(net) == expected
        gradients(net, noise(2))
        with_gradient = {n for n, p in net.named_parameters() if p.grad is not None}
        assert with_gradient == expected
        net.zero_grad()
    assert learning(net) == everything
    net.set_trainable(1)
    assert learning(net) == {"head.weight", "head.bias"}


def test_let_learn_of_a_residual_network():
    net = tunable()
    net.set_trainable(3)
    blocks = {name.removeprefix("pool.network.").split(".")[0] for name in learning(net)}
    assert blocks == {"layer3", "layer4", "head"}


def test_norms_only():
    net = tunable()
    net.set_trainable(net.n_stages, norms_only=True)
    shapes = {name: each.ndim for name, each in net.named_parameters()}
    below = {name for name in shapes if not name.startswith("head.")}
    assert learning(net) == {name for name in below if shapes[name] == 1} | {
        "head.weight", "head.bias",
    }  # fmt: skip
    assert any(".bn1.weight" in name for name in learning(net))
    net.set_trainable(2, norms_only=True)
    assert all(name.startswith(("head.", "pool.network.layer4.")) for name in learning(net))


def test_let_learn_keeps_the_mode():
    net = tunable(freeze_bn_stats=False).eval()
    net.set_trainable(net.n_stages)
    assert not any(each.training for each in net.modules())
    net.train()
    assert all(norm.training for norm in norms_of(net))
    net.set_trainable(1)
    assert not any(norm.training for norm in norms_of(net))


def test_dropout_is_told():
    assert not tunable().is_stochastic()
    assert tunable(dropout=0.1).is_stochastic()
    dropping = tunable()
    dropping.head = torch.nn.Sequential(torch.nn.Dropout2d(0.2), dropping.head)
    assert dropping.is_stochastic()
    dropping.head[0] = torch.nn.Dropout2d(0.0)
    assert not dropping.is_stochastic()
    assert tunable("test_vit", img_size=64, drop_path_rate=0.2).is_stochastic()
    assert tunable("test_efficientnet", drop_rate=0.2).is_stochastic()


# --- what comes out -----------------------------------------------------------------------------


def test_the_head_comes_back_as_it_went_in():
    net = network()
    head = head_for(net, stages="all")
    found = trainable(net, sees(64), head).as_head()
    assert (found.kind, found.n_classes) == ("linear", 3)
    np.testing.assert_array_equal(found.columns, head.columns)
    for name in ("weights", "bias"):
        assert found.arrays[name].dtype == np.float32
        np.testing.assert_array_equal(found.arrays[name], head.arrays[name])


def test_the_head_that_was_given_out_learns_no_more():
    net = tunable()
    head = net.as_head()
    before = head.arrays["weights"].copy()
    learn(net, noise(6))
    np.testing.assert_array_equal(head.arrays["weights"], before)
    assert not np.array_equal(net.as_head().arrays["weights"], before)


# --- replicas -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fuse", [False, True])
def test_a_replica_shares_weights_and_not_gradients(fuse):
    net = tunable()
    if fuse:
        net.fuse()
    learn(net, noise(6))
    twin = net.replica()
    for own, shared in zip(twin.parameters(), net.parameters(), strict=True):
        assert own is not shared
        assert own.data_ptr() == shared.data_ptr()
    for own, shared in zip(twin.buffers(), net.buffers(), strict=True):
        assert own.data_ptr() == shared.data_ptr()
    expected = {name: each.clone() for name, each in gradients(twin, noise(4)).items()}
    assert all(each.grad is None for each in net.parameters())
    found = gradients(net, noise(4))
    for name, gradient in expected.items():
        assert torch.equal(found[name], gradient)
    learn(net, noise(6, seed=1))  # with what has gathered
    with torch.inference_mode():
        assert torch.equal(twin.eval()(noise(4)), net.eval()(noise(4)))


def test_a_replica_freezes_by_itself():
    net = tunable()
    net.set_trainable(2)
    twin = net.replica()
    assert learning(twin) == learning(net)
    twin.set_trainable(1)
    assert len(learning(net)) > len(learning(twin)) == 2
