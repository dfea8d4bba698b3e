from __future__ import annotations

from tests.models import exported_file, random_model

from headstart.deploy.openapi import RESPONSES, request_body
from headstart.deploy.server import create_app


def test_every_refusal_has_a_reason():
    assert set(RESPONSES) == {200, 400, 401, 403, 408, 413, 415, 422, 500, 503}
    assert all(each["description"] for each in RESPONSES.values())


def test_a_form_has_as_many_files_as_are_taken():
    form = request_body(7)["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["files"]["maxItems"] == 7


def test_the_application_says_it(tmp_path):
    model = exported_file(random_model(), tmp_path / "m.onnx")
    said = create_app(model).openapi()
    assert set(said["paths"]) == {"/predict", "/health", "/model", "/metrics"}
    predict = said["paths"]["/predict"]["post"]
    assert "image/*" in predict["requestBody"]["content"]
    assert "503" in predict["responses"]
