import pytest

from sagesse.core.service import Service


def test_a_public_method_that_is_no_operation_fails_at_class_creation() -> None:
    with pytest.raises(TypeError, match=r"Wrong\.make_tea is no operation of sagemaker"):

        class Wrong(Service):  # pyright: ignore[reportUnusedClass]
            service = "sagemaker"

            def make_tea(self) -> None: ...


def test_private_helpers_and_operations_are_allowed() -> None:
    class Right(Service):
        service = "sagemaker"

        def create_model(self) -> None: ...
        def _helper(self) -> None: ...

    assert Right.service == "sagemaker"
