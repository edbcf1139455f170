import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.algorithms.base import Channel, ClientError
from sagesse.algorithms.xgboost.rows import UnreadableRowsError, parse_csv, parse_libsvm, read_channel

numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


def _channel(folder, content_type, **files):
    for name, text in files.items():
        (folder / name).write_text(text)
    return Channel("train", folder, content_type)


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1))
def test_csv_gives_back_the_numbers_that_were_written(rows):
    text = "\n".join(",".join(repr(x) for x in row) for row in rows)
    assert np.array_equal(parse_csv(text), np.array(rows, np.float32))


@pytest.mark.parametrize("text", ["1,2\n3,4", "1;2\r\n3;4\r\n", "1\t2\n\n3\t4\n", "1 2\n3 4", ' 1, 2\n3,"4"'])
def test_usual_delimiters_and_line_ends_are_read(text):
    assert parse_csv(text).tolist() == [[1, 2], [3, 4]]


def test_an_empty_field_is_a_missing_value():
    assert np.isnan(parse_csv("1,,3\n,2,\n")).tolist() == [[False, True, False], [True, False, True]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2", "row 1: .*a header"),
        ("1,2\n3,x", "row 2: could not convert string to float: 'x'"),
        ("1,2\n3", "row 2 has 1 columns, row 1 has 2"),
    ],
)
def test_the_row_that_is_not_csv_is_named(text, message):
    with pytest.raises(UnreadableRowsError, match=message):
        parse_csv(text)


def test_libsvm_leaves_what_is_not_there_missing():
    rows = parse_libsvm("1 0:2 2:3.5 # a comment\n0 1:4\n")
    assert rows.labels.tolist() == [1, 0]
    assert np.array_equal(
        rows.features, np.array([[2, np.nan, 3.5], [np.nan, 4, np.nan]], np.float32), equal_nan=True
    )


@pytest.mark.parametrize("text", ["1 a:2", "1 2", "1 0:x", "x 0:1", "1 -1:2", "1 999999999999:1"])
def test_what_is_not_libsvm_is_refused(text):
    with pytest.raises(UnreadableRowsError):
        parse_libsvm(text)


@pytest.mark.parametrize("parse", [parse_csv, parse_libsvm])
@given(text=st.text("0123456789.,:-+e \n\tnaif", max_size=60))
def test_any_text_is_rows_or_unreadable(parse, text):
    try:
        found = parse(text)
    except UnreadableRowsError:
        found = None
    assert found is None or len(found) >= 0


def test_a_channel_joins_its_files_in_order(tmp_path):
    found = read_channel(
        _channel(tmp_path, "text/csv", b="1,5", a="0,4", **{".hidden": "x"}), csv_weights=False
    )
    assert found.labels.tolist() == [0, 1]
    assert found.features.tolist() == [[4], [5]]
    assert found.weights is None


def test_csv_weights_are_the_second_column(tmp_path):
    found = read_channel(_channel(tmp_path, "text/csv;label_size=1", a="1,0.5,7\n0,2,8"), csv_weights=True)
    assert found.weights.tolist() == [0.5, 2]
    assert found.features.tolist() == [[7], [8]]


@pytest.mark.parametrize(("text", "columns"), [("1 0:3 4:5", 5), ("1,3,5", 2)])
def test_the_format_of_a_channel_without_content_type_is_seen_from_its_text(tmp_path, text, columns):
    assert read_channel(_channel(tmp_path, None, a=text), csv_weights=False).features.shape == (1, columns)


@pytest.mark.parametrize(
    ("content_type", "files", "message"),
    [
        (
            "application/x-parquet",
            {"a": "1,2"},
            "content type 'application/x-parquet'; xgboost reads text/csv",
        ),
        ("text/csv;label_size=0", {"a": "1,2"}, "label_size=0"),
        ("text/csv", {}, "holds no rows"),
        ("text/csv", {"a": "\n"}, "holds no rows"),
        ("text/csv", {"a": "1"}, "rows have 1 columns, expected label and features"),
        ("text/csv", {"a": ",1"}, "a label or a weight is missing"),
        ("text/csv", {"a": "1,2", "b": "1,2,3"}, "different numbers of columns"),
        ("text/csv", {"a": "label,x\n1,2"}, "file a of the channel 'train' cannot be read: row 1"),
        ("text/libsvm", {"a": "1,2"}, "is not libsvm"),
        ("text/csv", {"a": "1,1e99"}, "infinite or beyond float32"),
        ("text/libsvm", {"a": "1 0:inf"}, "infinite or beyond float32"),
    ],
)
def test_a_wrong_channel_is_refused_with_the_reason(tmp_path, content_type, files, message):
    with pytest.raises(ClientError, match=message):
        read_channel(_channel(tmp_path, content_type, **files), csv_weights=False)
