"""What files hold beside what is read is said, with counts."""

from __future__ import annotations

from tests.checks.sets import clean

from headstart.checks.contents import check_contents
from headstart.checks.files import check_dataset


def found(dataset, stats):
    return {each.check: each for each in check_contents(dataset, stats)}


def test_an_ordinary_set_has_nothing_to_say():
    assert found(*clean()) == {}


def test_deep_images_are_said_with_their_levels():
    dataset, stats = clean()
    stats.modes[:] = "I;16"
    stats.highs[:], stats.lows[:] = 4000, 100
    stats.highs[:30] = 900
    finding = found(dataset, stats)["deep_images"]
    assert (finding.count, finding.severity) == (100, "note")
    assert "levels from 100 to 4000" in finding.claim
    assert "0 becomes black and 4095 white (12 bits)" in finding.claim
    assert finding.evidence == (
        "30 with a highest level up to 1,023", "70 with a highest level up to 4,095",
    )  # fmt: skip
    stats.highs[:90] = 300  # nearly black, all of them
    finding = found(dataset, stats)["deep_images"]
    assert finding.severity == "warning"
    assert "90 of them fill less than an eighth" in finding.claim


def test_levels_that_no_depth_holds():
    dataset, stats = clean()
    stats.lows[:10], stats.highs[:10] = -1000, 3000
    finding = found(dataset, stats)["deep_images"]
    assert "-1000 becomes black and 3000 white" in finding.claim
    assert finding.evidence[0] == "10 with negative levels"


def test_sixteen_bits_that_hold_eight_are_nothing_to_say():
    dataset, stats = clean()
    stats.highs[:] = 255
    assert found(dataset, stats) == {}


def test_frames_bands_and_inks():
    dataset, stats = clean()
    stats.several[:10] = True
    stats.spare[:1] = True
    stats.modes[3:5] = "CMYK"
    got = found(dataset, stats)
    assert got["several_frames"].claim == (
        "10 images hold several frames or pages; the first is read."
    )
    assert got["several_frames"].severity == "warning"
    assert got["spare_bands"].claim.startswith("1 image has bands beside red")
    assert got["spare_bands"].severity == "note"
    assert got["printing_colours"].count == 2
    checks = {each.check for each in check_dataset(dataset, stats)}
    assert {"several_frames", "spare_bands", "printing_colours"} <= checks
