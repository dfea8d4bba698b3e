"""The page, driven in headless Chromium: upload, not sure, an error, a key, and the keyboard."""

from __future__ import annotations

import os
import shutil

import pytest
from tests.drawn_masks import draw_masked
from tests.models import MASKS, exported_file, random_model

from headstart.deploy.access import Access
from headstart.deploy.runtime import OnnxPredictor

from .test_serve import running

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        sandbox = [] if os.getuid() else ["--no-sandbox"]
        given = playwright.chromium.launch(executable_path=BROWSER, args=sandbox)
        yield given
        given.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 390, "height": 780})
    given = context.new_page()
    given.problems = []
    given.on("pageerror", lambda error: given.problems.append(str(error)))
    given.on(
        "console",
        lambda said: given.problems.append(said.text) if "Content Security" in said.text else None,
    )
    yield given
    assert given.problems == []
    context.close()


@pytest.fixture
def model(exported):
    _, out = exported
    return OnnxPredictor(out / "model.onnx")


def says(page, place: str, text: str) -> None:
    sync_api.expect(page.locator(place)).to_contain_text(text, timeout=10_000)


def test_a_picture_is_named_with_all_classes_and_the_time(page, model, new):
    with running(model) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        says(page, "#about", "red")
        page.set_input_files("#file", new / "a.png")
        says(page, "#answer", "red (")
        assert page.locator("#bars li").count() == 3
        assert page.locator("#bars li").first.inner_text().startswith("red")
        says(page, "#time", "ms on the server")
        assert page.locator("#picture").is_visible()
        assert page.locator("#picture").evaluate("each => each.naturalWidth") == 40
        assert page.locator("#result").get_attribute("aria-busy") == "false"
        # Nothing is wider than a phone.
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_mask_lies_on_the_picture_with_a_legend_and_a_key_makes_it_fainter(page, tmp_path):
    masks = exported_file(random_model(MASKS), tmp_path / "m.onnx", threshold=0.34)
    draw_masked(0, (90, 60))[0].save(tmp_path / "a.png")
    draw_masked(0, (90, 60))[0].save(tmp_path / "b.tif")
    wanted = masks.predictions(tmp_path / "a.png").record(0)
    with running(masks) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        says(page, "#about", "ground, disc, square")
        page.set_input_files("#file", tmp_path / "a.png")
        says(page, "#time", "ms on the server")
        largest = max(wanted["share"], key=wanted["share"].get)
        says(page, "#answer", f"{largest} {100 * wanted['share'][largest]:.1f}%")
        rows = page.locator("#bars li")
        found = sum(share > 0 for share in wanted["share"].values()) + (wanted["unsure"] > 0)
        assert rows.count() == found
        colour = rows.first.locator("b").evaluate("each => getComputedStyle(each).backgroundColor")
        palette = masks.spec.settings["palette"][masks.spec.names.index(largest)]
        assert colour == f"rgb({', '.join(map(str, palette))})"
        mask, picture = page.locator("#mask"), page.locator("#picture")
        assert mask.bounding_box() == picture.bounding_box()
        assert mask.evaluate("each => [each.naturalWidth, each.naturalHeight]") == [90, 60]
        page.keyboard.press("Tab")  # from the answer on
        page.keyboard.press("ArrowLeft")
        assert mask.evaluate("each => each.style.opacity") == "0.5"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        # What browsers do not show: the mask stands alone.
        page.set_input_files("#file", tmp_path / "b.tif")
        says(page, "#time", "ms on the server")
        sync_api.expect(picture).to_be_hidden()
        assert mask.is_visible()
        assert page.locator("#frame").bounding_box()["height"] >= 60


def test_below_the_threshold_it_says_not_sure(page, model, new):
    model.threshold = 0.99999
    with running(model) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.set_input_files("#file", new / "a.png")
        says(page, "#answer", "Not sure: perhaps red")
        assert "unsure" in (page.locator("#answer").get_attribute("class") or "")


def test_what_cannot_be_read_is_said_and_the_next_one_works(page, model, new):
    with running(model) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.set_input_files("#file", new / "note.txt")
        says(page, "#problem", "not an image")
        assert page.locator("#answer").inner_text() == ""
        page.set_input_files("#file", new / "a.png")
        says(page, "#answer", "red (")
        assert page.locator("#problem").inner_text() == ""


def test_a_server_that_is_gone_is_said(page, model, new):
    with running(model) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        says(page, "#about", "red")
    page.set_input_files("#file", new / "a.png")
    says(page, "#problem", "does not answer")


def test_with_a_key(page, model, new):
    with running(model, access=Access(key="secret")) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        says(page, "#about", "API key")
        page.set_input_files("#file", new / "a.png")
        says(page, "#problem", "API key")
        page.fill("#key", "secret")
        page.press("#key", "Tab")
        says(page, "#about", "red")
        page.set_input_files("#file", new / "a.png")
        says(page, "#answer", "red (")


def test_it_is_used_by_keyboard_and_read_aloud(page, model):
    with running(model) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "file"
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.locator("#result").get_attribute("aria-live") == "polite"
        assert page.locator("#problem").get_attribute("role") == "alert"
        assert page.get_by_label("Choose an image").count() == 1


def test_a_dropped_picture(page, model, new):
    import base64

    data = base64.b64encode((new / "a.png").read_bytes()).decode()
    with running(model) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.evaluate(
            """data => {
                const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
                const moved = new DataTransfer();
                moved.items.add(new File([bytes], "a.png", { type: "image/png" }));
                document.dispatchEvent(new DragEvent("drop", { dataTransfer: moved }));
            }""",
            data,
        )
        says(page, "#answer", "red (")


def test_every_face_has_a_box_and_an_answer(page, model, new):
    def said(name, chance):
        return {"class": name, "probability": chance, "sure": chance > 0.5, "probabilities": {}}

    faces = [
        {"box": [4, 10, 20, 20], **said("red", 0.9)}, {"box": [30, 0, 10, 10], **said("blue", 0.4)}
    ]  # fmt: skip
    answer = {"name": "a.png", **said("red", 0.9), "faces": faces}
    with running(model) as port:
        page.route(
            "**/predict",
            lambda route: route.fulfill(json={"predictions": [answer], "milliseconds": 1.0}),
        )
        page.goto(f"http://127.0.0.1:{port}/")
        page.set_input_files("#file", new / "a.png")
        says(page, "#answer", "1: red (90.0%)")
        says(page, "#answer", "2: Not sure: perhaps blue (40.0%)")
        boxes = page.locator("#frame > b")
        sync_api.expect(boxes).to_have_count(2, timeout=10_000)
        picture, box = page.locator("#picture").bounding_box(), boxes.first.bounding_box()
        assert abs(box["x"] - picture["x"] - 0.1 * picture["width"]) < 2
        assert abs(box["y"] - picture["y"] - 0.25 * picture["height"]) < 2
        assert abs(box["width"] - 0.5 * picture["width"]) < 3
        # The next image begins without them.
        page.unroute("**/predict")
        page.set_input_files("#file", new / "a.png")
        says(page, "#answer", "red (")
        sync_api.expect(boxes).to_have_count(0, timeout=10_000)
