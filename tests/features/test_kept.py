import numpy as np

from headstart.data.open import open_dataset
from headstart.features.extract import extract
from headstart.features.kept import kept_vectors
from headstart.fingerprint import fingerprint_file
from headstart.nets.pretrained.backbone import open_backbone


def test_vectors_are_had_by_fingerprints_alone(images):
    data, network = open_dataset(images), open_backbone("starter")
    prints = [fingerprint_file(data.path(i)).hex() for i in range(len(data))]
    assert kept_vectors(prints, network, network.preprocess) is None
    made = extract(data, network, preprocess=network.preprocess)
    kept = kept_vectors(prints[::-1], network, network.preprocess)
    assert np.array_equal(kept[::-1], made.vectors)
    assert kept_vectors([*prints, "00" * 16], network, network.preprocess) is None
    assert kept_vectors(prints, network, network.preprocess, tta=2) is None
