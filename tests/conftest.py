"""Every test talks to a practice Hub of its own process, through the installed clients.

``--hub real`` runs the contract tests against huggingface.co instead, by hand, and of the notebooks
those that use it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from course_utils.curriculum import curriculum
from practice_hub import PracticeHub
from practice_hub.published import models_folder
from practice_hub.visitor import Visitor
from tests.support.paths import ROOT
from tests.support.published import MISSING, REASON, wants_models
from tests.support.recording_hub import RecordingHub, recording_hub

PROXIES = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--hub", choices=("practice", "real"), default="practice")


def pytest_configure(config: pytest.Config) -> None:
    # The client reads its address when it is imported: import it here, with this Hub's, and leave
    # the environment as notebooks and subprocesses should find it.
    models = str(models_folder())
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGING", "TRANSFORMERS_", "PRACTICE_HUB", "COURSE_")):
            del os.environ[name]
    if config.getoption("--hub") == "real":
        os.environ["COURSE_HUB"] = "real"
        return
    os.environ.update(
        PROXIES,
        COURSE_HUB="practice",
        PRACTICE_HUB_AUTO_APPROVE="1",
        PRACTICE_HUB_MODELS=models,
        TOKENIZERS_PARALLELISM="false",
    )
    hub = PracticeHub().start()
    home = tempfile.TemporaryDirectory(prefix="practice-hub-")
    os.environ["COURSE_PROGRESS"] = str(Path(home.name) / "progress.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", hub.url)
        patch.setenv("HF_HOME", home.name)
        import huggingface_hub.constants  # noqa: F401
    config.add_cleanup(hub.stop)
    config.add_cleanup(home.cleanup)
    config.stash[HUB] = hub


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Some notebooks do not run: on the real Hub those that are staged on the practice Hub, and
    elsewhere those that cast a published model which is not on this machine."""
    if config.getoption("--hub") == "real":
        staged = {lesson.name for lesson in curriculum().lessons if lesson.hub == "practice"}
        left = [item for item in items if item.path.stem in staged]
        items[:] = [item for item in items if item.path.stem not in staged]
        config.hook.pytest_deselected(items=left)
        return
    for item in items:
        if MISSING and item.path.suffix == ".ipynb" and wants_models(item.path):
            item.add_marker(pytest.mark.skip(reason=REASON))


HUB = pytest.StashKey[PracticeHub]()


@pytest.fixture(scope="session")
def hub(pytestconfig: pytest.Config) -> PracticeHub:
    """The practice Hub that this process's huggingface_hub talks to."""
    return pytestconfig.stash[HUB]


@pytest.fixture(autouse=True, scope="session")
def slips_go_through() -> Iterator[None]:
    """A NameError in the memory engine fails a test, where learners are told in words."""
    from course_utils.memory import estimate

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimate, "slips_go_through", True)
        yield


@pytest.fixture
def visitor(hub: PracticeHub) -> Iterator[Visitor]:
    """Somebody on the pages, forgotten by the Hub before and after."""
    visitor = Visitor(hub.url)
    visitor.forget_me()
    yield visitor
    visitor.forget_me()


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a fresh Python with an empty home; ``run_python(code, NAME=value)``."""

    def run(code: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": str(tmp_path / "home"), **variables}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment.setdefault("PYTHONPATH", str(ROOT))
        finished = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
        )
        if check and finished.returncode:
            raise AssertionError(f"exit {finished.returncode}\n{finished.stdout}{finished.stderr}")
        return finished

    return run


@pytest.fixture
def recording_practice_hub() -> Iterator[RecordingHub]:
    with recording_hub(admits_to_practice=True) as hub:
        yield hub


@pytest.fixture
def recording_mirror() -> Iterator[RecordingHub]:
    """Stands where the real Hub (or a company's mirror of it) would."""
    with recording_hub(admits_to_practice=False) as hub:
        yield hub
