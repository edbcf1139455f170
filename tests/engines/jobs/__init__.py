import pytest

pytest.register_assert_rewrite("sagesse.testing.job_engine")
