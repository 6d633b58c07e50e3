"""Fixtures that several test files share."""

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

# No test depends on how busy a machine is, and what fails once fails again: the same examples
# everywhere. ``make fuzz`` draws others.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize="FOOTFALL_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Beside tests that look at pages it must not look anything up, nor fail where it cannot."""


@pytest.fixture(scope="session")
def engine():
    """A real vLLM engine with the embedded model, started once; float32, to compare exactly."""
    from footfall.llm.specs import ModelSpec
    from footfall.llm.vllm.engine import open_engine

    model = open_engine(ModelSpec(dtype="float32"), announce=lambda _: None)
    yield model
    model.close()


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium that asks for nothing of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        yield opened
        opened.close()
