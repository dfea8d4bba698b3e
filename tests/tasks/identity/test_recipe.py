"""Recipes of embeddings: parsed by their own names, and refused where they make no sense."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.tasks.identity.recipe import PAIRWISE, MetricRecipe
from headstart.training.schedule import Recipe, parse_recipe


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
    ("text", "words"),
    [
        ("identities=1", r"identities=1,each=4: at least 2 images of 2 people a batch"),
        ("margin=-0.5", r"margin=-0.5,dimension=0: at least 0"),
        ("unseen=0", "unseen=0: above 0 and below 1"),
        ("mixup=0.2", "mixup=0.2: a mixture of two people is nobody; leave it out"),
        ("loss=supcon,mining=hard", "only loss=triplet mines; supcon takes all pairs"),
        ("head=none,dimension=4", "head=none has no projection to shorten vectors"),
        ("head=none,freeze=head", "nothing would learn with head=none and loss=triplet"),
    ],
)
def test_refusals_say_why(text, words):
    with pytest.raises(OptionError, match=words):
        parse_recipe(text, MetricRecipe())


@pytest.mark.parametrize("loss", ["arcface", "cosface", "proxyanchor", "softmax"])
def test_a_loss_with_weights_of_its_own_can_learn_alone(loss):
    recipe = parse_recipe(f"loss={loss},head=none,freeze=head", MetricRecipe())
    assert loss not in PAIRWISE
    assert not recipe.headless
    assert recipe.trainable_stages(0.0, n_stages=5) == 1


@pytest.mark.parametrize("loss", sorted(PAIRWISE))
def test_without_head_a_pairwise_loss_needs_the_network(loss):
    recipe = MetricRecipe(loss=loss, head="none")
    assert recipe.headless
    shares = [recipe.trainable_stages(at / 10, n_stages=5) for at in range(10)]
    assert min(shares) == 2
    assert shares == sorted(shares)
