import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.algorithms.base import ClientError, RequestError
from sagesse.algorithms.image_classification.training import train
from sagesse.algorithms.registry import algorithm
from tests.algorithms.image_classification import sample


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    job = sample.job(tmp_path_factory.mktemp("job"), epochs=5, optimizer="adam", learning_rate=0.01)
    train(job)
    return algorithm("image-classification").load(job.model_dir)


def _answer(model, body, accept="", content_type="image/png"):
    (result,) = model.predict([model.decode(body, content_type)])
    return model.encode(result, accept)


@pytest.mark.parametrize("label", [0, 1])
def test_the_answer_is_a_json_array_of_probabilities(model, label):
    body, kind = _answer(model, sample.picture(label, 99))
    chances = json.loads(body)
    assert kind == "application/json"
    assert sum(chances) == pytest.approx(1, abs=1e-5)
    assert np.argmax(chances) == label


def test_json_lines_name_the_prediction(model):
    body, kind = _answer(model, sample.picture(0), "application/jsonlines")
    assert kind == "application/jsonlines"
    assert len(json.loads(body)["prediction"]) == 2
    assert b"\n" not in body


@pytest.mark.parametrize(
    "content_type", ["application/x-image", "image/jpeg", "image/png", "image/PNG; q=1", ""]
)
def test_all_image_types_are_read_by_their_bytes(model, content_type):
    assert _answer(model, sample.picture(1, size=(30, 20), kind="JPEG"), content_type=content_type)


def test_a_batch_answers_as_each_request_alone(model):
    rows = [model.decode(sample.picture(k % 2, k), "image/png") for k in range(7)]
    alone = [model.predict([row])[0] for row in rows]
    assert np.allclose(model.predict(rows), alone, atol=1e-6)


def test_an_empty_batch_has_no_answers(model):
    assert list(model.predict([])) == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "image/png", 400),
        (b"junk", "image/png", 400),
        (sample.picture(0)[:80], "image/png", 400),
        (b"1,2", "text/csv", 415),
    ],
)
def test_a_bad_request_has_its_status(model, body, content_type, status):
    with pytest.raises(RequestError) as caught:
        model.decode(body, content_type)
    assert caught.value.status == status
    assert caught.value.message


def test_an_accept_that_cannot_be_met_is_406(model):
    with pytest.raises(RequestError) as caught:
        model.encode([0.5, 0.5], "text/csv")
    assert caught.value.status == 406


@given(body=st.binary(max_size=200))
def test_any_body_is_an_answer_or_a_400(model, body):
    try:
        _answer(model, body)
        status = 200
    except RequestError as error:
        status = error.status
    assert status in {200, 400}


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ClientError, match=r"model.json"):
        algorithm("image-classification").load(tmp_path)


def test_weights_that_do_not_fit_their_card_are_refused(tmp_path):
    job = sample.job(tmp_path, epochs=1)
    train(job)
    card = job.model_dir / "model.json"
    card.write_text(card.read_text().replace('"num_layers": 20', '"num_layers": 32'))
    with pytest.raises(ClientError, match="does not fit"):
        algorithm("image-classification").load(job.model_dir)
