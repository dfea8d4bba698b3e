from headstart.checks.wording import SHOWN, first, joined
from headstart.data.dataset import Dataset
from headstart.data.words import plural


def test_counts_in_words():
    assert plural(1, "image") == "1 image"
    assert plural(0, "image") == "0 images"
    assert plural(1200, "image") == "1,200 images"
    assert plural(1, "identity", "identities") == "1 identity"
    assert plural(2, "identity", "identities") == "2 identities"


def test_the_first_few_of_names_without_end():
    def endless():
        number = 0
        while True:
            yield f"{number}.png"
            number += 1

    assert first(endless()) == tuple(f"{k}.png" for k in range(SHOWN))
    assert first(["a", "b"]) == ("a", "b")
    assert first([]) == ()


def test_images_that_belong_together_are_one_line():
    data = Dataset.unlabelled([f"{k} ä.png" for k in range(9)])
    assert joined(data, [2, 0]) == "2 ä.png = 0 ä.png"
    six = " = ".join(f"{k} ä.png" for k in range(6))
    assert joined(data, range(6)) == six
    assert joined(data, iter(range(9))) == f"{six} = … (9 in all)"
