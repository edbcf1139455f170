"""What scripts of the XGBoost image read their data with."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from sagesse.runtime import script_setting

pytest.importorskip("xgboost")


@pytest.fixture(scope="module")
def data_utils() -> ModuleType:
    file = Path(script_setting.__file__).parent / "xgboost_site/sagemaker_xgboost_container/data_utils.py"
    spec = importlib.util.spec_from_file_location("data_utils", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("content_type", ["csv", "text/csv", "text/csv; label_size=1"])
def test_csv_has_the_label_first(data_utils: ModuleType, tmp_path: Path, content_type: str) -> None:
    (tmp_path / "a.csv").write_text("1,2,3\n0,4,5\n")
    matrix = data_utils.get_dmatrix(str(tmp_path), content_type)
    assert (matrix.num_row(), matrix.num_col(), list(matrix.get_label())) == (2, 2, [1.0, 0.0])


def test_csv_may_have_weights(data_utils: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,0.5,3\n0,0.25,5\n")
    matrix = data_utils.get_dmatrix(str(tmp_path), "csv", csv_weights=1)
    assert list(matrix.get_weight()) == [0.5, 0.25]


def test_libsvm_is_read_from_one_file(data_utils: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1 1:5 3:7\n")
    assert data_utils.get_dmatrix(str(tmp_path / "a"), "libsvm").num_row() == 1


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_a_host_without_data_has_no_matrix(data_utils: ModuleType, tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    assert data_utils.get_dmatrix(str(tmp_path / folder), "csv") is None


def test_another_content_type_is_refused_by_name(data_utils: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="content_type 'parquet' is not read here; allowed: csv, libsvm"):
        data_utils.get_dmatrix(str(tmp_path), "parquet")
