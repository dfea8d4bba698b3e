from xml.etree import ElementTree

import pytest

from headstart.errors import OutputError
from headstart.records import Estimate
from headstart.reporting.recognition import roc_figure, write_page

FAR, TAR = [0.0, 0.001, 0.01, 0.2, 1.0], [0.4, 0.5, 0.7, 0.9, 1.0]
AT = (Estimate(0.01, 0.0, 0.03, 1000, "m"), Estimate(0.7, 0.6, 0.8, 50, "m"))


def test_the_curve_is_drawn_where_low_rates_can_be_read():
    svg = roc_figure(FAR, TAR, at=AT)
    tree = ElementTree.fromstring(svg)
    label = tree.attrib["aria-label"]
    assert "FAR 0.1, TAR 70%" in label
    assert "FAR 0.001, TAR 50%" in label
    [line] = [each for each in tree if each.tag == "polyline"]
    points = [tuple(map(float, each.split(","))) for each in line.attrib["points"].split()]
    assert len(points) == 5
    assert points[0][0] == points[1][0], "zero is where the axis begins"
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    [dot] = [each for each in tree if each.tag == "circle"]
    assert (float(dot.attrib["cx"]), float(dot.attrib["cy"])) == points[2]
    assert "circle" not in roc_figure([0, 1], [1, 1])


def test_the_page_stands_on_its_own_and_escapes(tmp_path):
    rows = [("<b>eer</b>", Estimate(0.1, 0.05, 0.2, 100, "m"))]
    curve = {"far": FAR, "tar": TAR}
    write_page(tmp_path / "a.html", lines=["1 < 2"], rows=rows, curve=curve, at=AT)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "1 &lt; 2" in page
    assert "&lt;b&gt;eer" in page
    assert "http" not in page
    assert "<script" not in page
    with pytest.raises(OutputError, match="choose another -o"):
        write_page(tmp_path / "no" / "a.html", lines=[], rows=rows, curve=curve)
