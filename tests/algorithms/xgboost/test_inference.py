import json

import numpy as np
import pytest
import xgboost
from hypothesis import given
from hypothesis import strategies as st

from sagesse.algorithms.base import ClientError, RequestError
from sagesse.algorithms.registry import algorithm
from sagesse.algorithms.xgboost.training import MODEL_FILE
from tests.algorithms.xgboost import sample

ROWS = b"1,2,3,4\n-1,,0,0.5\n"


def _load(folder, **given):
    job = sample.job(folder, **given)
    algorithm("xgboost").train(job)
    return algorithm("xgboost").load(job.model_dir)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return _load(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    inputs = sample.channels(folder / "data", classes=3)
    return _load(folder, inputs=inputs, objective="multi:softprob", num_class=3)


def _booster(job):
    return xgboost.Booster(model_file=bytearray((job.model_dir / MODEL_FILE).read_bytes()))


def _answer(model, body=ROWS, accept="", content_type="text/csv"):
    (result,) = model.predict([model.decode(body, content_type)])
    return model.encode(result, accept)


def test_csv_is_a_comma_list_of_scores(model):
    body, kind = _answer(model)
    assert kind == "text/csv"
    first, second = (float(part) for part in body.split(b","))
    assert 0 < second < first < 1


def test_scores_are_those_of_the_library(model, tmp_path):
    job = sample.job(tmp_path)
    algorithm("xgboost").train(job)
    booster = _booster(job)
    expected = booster.predict(xgboost.DMatrix(np.array([[1, 2, 3, 4], [-1, np.nan, 0, 0.5]])))
    assert [float(part) for part in _answer(model)[0].split(b",")] == pytest.approx(expected.tolist())


def test_json_has_a_score_for_each_row(model):
    body, kind = _answer(model, accept="application/json")
    assert kind == "application/json"
    assert [list(item) for item in json.loads(body)["predictions"]] == [["score"], ["score"]]


def test_json_lines_have_a_line_for_each_row(model):
    body, _ = _answer(model, accept="application/jsonlines")
    assert [list(json.loads(line)) for line in body.split(b"\n")] == [["score"], ["score"]]


def test_several_classes_give_a_list_for_each_row(classes):
    lines = _answer(classes)[0].split(b"\n")
    assert [len(line.split(b",")) for line in lines] == [3, 3]
    scores = json.loads(_answer(classes, accept="application/json")[0])["predictions"]
    assert sum(scores[0]["score"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("content_type", ["text/libsvm", "text/x-libsvm"])
def test_libsvm_rows_answer_as_the_same_csv_rows(model, content_type):
    body = b"0:1 1:2 2:3 3:4\n0 0:-1 2:0 3:0.5\n"
    assert _answer(model, body, content_type=content_type) == _answer(model)


def test_a_batch_answers_as_each_request_alone(model):
    bodies = [b"1,2,3,4", ROWS, b"0,0,0,0\n1,1,1,1\n2,2,2,2"]
    results = model.predict([model.decode(body, "text/csv") for body in bodies])
    assert [model.encode(result, "") for result in results] == [_answer(model, body) for body in bodies]


def test_an_empty_batch_has_no_answers(model):
    assert list(model.predict([])) == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "text/csv", 204),
        (b" \n", "text/csv", 204),
        (b"1,2", "text/csv", 400),
        (b"1,2,3,x", "text/csv", 400),
        (b"\xff\xfe", "text/csv", 400),
        (b"0:1 7:1", "text/libsvm", 400),
        (b"1,2,3,4", "application/json", 415),
        (b"1,2,3,4", "application/x-recordio-protobuf", 415),
    ],
)
def test_a_bad_request_has_its_status(model, body, content_type, status):
    with pytest.raises(RequestError) as caught:
        model.decode(body, content_type)
    assert caught.value.status == status


def test_the_number_of_columns_is_named_as_aws_does(model):
    with pytest.raises(
        RequestError, match="inference data 2 is not consistent with feature size of trained model 4"
    ):
        model.decode(b"1,2", "text/csv")


def test_an_accept_that_cannot_be_met_is_406(model):
    with pytest.raises(RequestError) as caught:
        _answer(model, accept="image/png")
    assert caught.value.status == 406


@pytest.mark.parametrize("content_type", ["text/csv", "text/libsvm"])
@given(body=st.binary(max_size=40) | st.text("0123456789.,:-e \n", max_size=40).map(str.encode))
def test_any_body_is_an_answer_or_a_refusal(model, content_type, body):
    try:
        _answer(model, body, content_type=content_type)
        status = 200
    except RequestError as error:
        status = error.status
    assert status in {200, 204, 400}


@pytest.mark.parametrize("name", ["xgboost-model", "other.json"])
def test_a_json_model_of_any_name_is_loaded(tmp_path, name):
    job = sample.job(tmp_path)
    algorithm("xgboost").train(job)
    booster = _booster(job)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / name).write_bytes(booster.save_raw("json"))
    assert _answer(algorithm("xgboost").load(tmp_path / "foreign")) == _answer(
        algorithm("xgboost").load(job.model_dir)
    )


def test_a_linear_model_predicts(tmp_path):
    assert len(_answer(_load(tmp_path, booster="gblinear", max_depth=6))[0].split(b",")) == 2


@pytest.mark.parametrize(
    ("files", "message"), [({}, "holds no file xgboost-model"), ({"xgboost-model": b"\x80\x04"}, "pickles")]
)
def test_a_folder_without_a_model_is_refused(tmp_path, files, message):
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    with pytest.raises(ClientError, match=message):
        algorithm("xgboost").load(tmp_path)
