"""Recipes of embeddings, their losses, and the gradient of a loss over a whole batch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tests.nets.tiny import network, noise, sees

from headstart.errors import OptionError
from headstart.nets.batch import Batch
from headstart.nets.embedder import Embedder, project
from headstart.tasks.identity.contrast import Contrast
from headstart.tasks.identity.health import health
from headstart.tasks.identity.learn import head
from headstart.tasks.identity.metric_loss import make_criterion
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.training.schedule import Recipe, parse_recipe

SIZE = 32
LABELS = np.repeat([0, 1, 2], 4)


def embedder(recipe: MetricRecipe, *, dimension: int = 0) -> Embedder:
    net = network(size=SIZE)
    columns = _last(net)
    rng = np.random.default_rng(0)
    given = rng.normal(size=(dimension, len(columns))).astype(np.float32) if dimension else None
    centres = rng.normal(size=(3, dimension or len(columns))).astype(np.float32)
    criterion = make_criterion(recipe, centres)
    return Embedder(
        net, sees(SIZE), columns, head(len(columns), dimension, given), criterion=criterion
    )


def _last(net) -> np.ndarray:
    from headstart.nets.stages import StagePool

    layout = StagePool(net, sees(SIZE)).layout
    width = sum(each for _, each in layout)
    return np.arange(width - layout[-1][1], width)


def test_recipes_are_parsed_by_their_own_names():
    recipe = parse_recipe("loss=arcface,margin=20,identities=4,lr=1e-4", MetricRecipe())
    assert (recipe.loss, recipe.margin, recipe.identities, recipe.lr) == ("arcface", 20.0, 4, 1e-4)
    with pytest.raises(OptionError, match="name=value with a name of"):
        parse_recipe("loss=arcface", Recipe())
    with pytest.raises(OptionError, match="choose triplet"):
        parse_recipe("loss=magic", MetricRecipe())


@pytest.mark.parametrize(
    "wrong",
    ["identities=1", "each=1", "margin=-1", "dimension=-3", "unseen=1", "mixup=0.2",
     "loss=arcface,mining=hard", "head=none,freeze=head", "head=none,dimension=8"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(OptionError, match="--recipe"):
        parse_recipe(wrong, MetricRecipe())


def test_something_always_learns():
    plain, headed = MetricRecipe(head="none"), MetricRecipe()
    assert plain.trainable_stages(0.0, n_stages=5) == 2
    assert headed.trainable_stages(0.0, n_stages=5) == 1
    assert plain.trainable_stages(0.9, n_stages=5) == 5


@pytest.mark.parametrize(
    "recipe",
    [
        *(MetricRecipe(mining=each) for each in ("semihard", "hard", "distance", "all")),
        *(MetricRecipe(loss=each) for each in
          ("contrastive", "supcon", "arcface", "cosface", "proxyanchor", "softmax")),
    ],
    ids=lambda recipe: f"{recipe.loss}-{recipe.mining}",
)  # fmt: skip
def test_every_loss_falls_when_people_come_apart(recipe):
    """Vectors at their own centre cost less than vectors at random."""
    rng = np.random.default_rng(0)
    centres = np.linalg.qr(rng.normal(size=(16, 3)))[0].T.astype(np.float32)
    criterion = make_criterion(recipe, centres)
    labels = torch.from_numpy(LABELS)
    torch.manual_seed(0)
    apart = torch.from_numpy(centres[LABELS] + 0.01 * rng.normal(size=(12, 16))).float()
    mixed = torch.from_numpy(rng.normal(size=(12, 16))).float()
    near, far = (float(criterion(each, labels).detach()) for each in (apart, mixed))
    assert near < far
    vectors = mixed.clone().requires_grad_()
    criterion(vectors, labels).backward()
    assert torch.isfinite(vectors.grad).all()


def test_health_of_a_collapse_and_of_the_opposite():
    labels = torch.from_numpy(LABELS)
    rng = torch.Generator().manual_seed(0)
    point = torch.ones(12, 8) + 1e-5 * torch.randn(12, 8, generator=rng)
    gone = health(point, labels, margin=0.2)
    assert gone.mean_negative_cosine > 0.999
    assert gone.effective_rank == 1.0
    assert gone.active_triplets == 1.0
    assert health(torch.zeros(12, 8), labels, margin=0.2) == (1.0, 1.0, 1.0)
    assert health(torch.full((12, 8), 1e38), labels, margin=0.2) == (1.0, 1.0, 1.0)
    apart = health(torch.eye(8)[labels] + 0.0, labels, margin=0.2)
    assert apart.mean_negative_cosine == pytest.approx(0)
    assert apart.effective_rank == pytest.approx(2)  # three points lie in a plane
    assert apart.active_triplets == 0
    spread = health(torch.randn(12, 64, generator=rng), labels, margin=0.2)
    assert spread.effective_rank > 8
    assert 0.3 < spread.active_triplets < 1
    broken = health(torch.full((12, 8), float("nan")), labels, margin=0.2)
    assert np.isnan(broken.mean_negative_cosine)


@pytest.mark.parametrize("loss", ["triplet", "arcface", "softmax"])
def test_threads_give_the_gradient_of_the_whole_batch(loss):
    recipe = MetricRecipe(loss=loss, mining="semihard" if loss != "triplet" else "all")
    net = embedder(recipe)
    net.fuse()
    net.set_trainable(net.n_stages)
    batch = Batch(noise(12, SIZE), np.arange(12), torch.from_numpy(LABELS))
    gradients = []
    for replicas in (1, 3):
        net.zero_grad()
        every = [net, *(net.replica() for _ in range(replicas - 1))]
        contrast = Contrast(every, margin=0.2, seed=0, device="cpu")
        with ThreadPoolExecutor(replicas) as pool:
            sums = contrast.of(batch, 0, pool)
        found, hits = sums["loss"], sums["accuracy"]
        assert np.isfinite(found)
        assert 0 <= hits <= 12
        gradients.append(
            (found, [None if p.grad is None else p.grad.clone() for p in net.parameters()])
        )
    (one, mine), (other, theirs) = gradients
    assert one == pytest.approx(other, rel=1e-4)
    for a, b in zip(mine, theirs, strict=True):
        assert (a is None) == (b is None)
        assert a is None or torch.allclose(a, b, rtol=1e-2, atol=1e-5)
    net.train()
    direct = net.criterion(net(batch.images), torch.from_numpy(LABELS))
    assert float(direct.detach()) * 12 == pytest.approx(one, rel=1e-4)


def test_an_embedder_is_the_network_itself():
    net = embedder(MetricRecipe()).eval()
    with torch.inference_mode():
        raw = net.pool(noise(3, SIZE)).numpy()
        assert np.allclose(net(noise(3, SIZE)).numpy(), project(raw, net.columns, None), atol=1e-5)
    assert net.projection() is None
    assert net.width == len(net.columns)
    names = [name for name, _ in net.named_parameters()]
    assert all(name.startswith("pool.network.") for name in names)
    assert net.n_stages == max(net.stages.values()) + 2  # a head, although it has nothing to learn


def test_a_projection_and_the_weights_of_a_loss_are_the_head():
    net = embedder(MetricRecipe(loss="arcface", dimension=8), dimension=8).eval()
    head = {name for name in net.depths if net.depths[name] == net.n_layers - 1}
    assert head == {"head.weight", "criterion.loss.W"}
    with torch.inference_mode():
        raw = net.pool(noise(3, SIZE)).numpy()
        wanted = project(raw, net.columns, net.projection())
        assert np.allclose(net(noise(3, SIZE)).numpy(), wanted, atol=1e-5)
    net.set_trainable(1)
    assert {name for name, each in net.named_parameters() if each.requires_grad} == head
