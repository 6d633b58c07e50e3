"""Fixtures that several test files share."""

import pytest


@pytest.fixture(scope="session")
def engine():
    """A real vLLM engine with the embedded model, started once; float32, to compare exactly."""
    from footfall.llm.specs import ModelSpec
    from footfall.llm.vllm.engine import open_engine

    model = open_engine(ModelSpec(dtype="float32"), announce=lambda _: None)
    yield model
    model.close()
