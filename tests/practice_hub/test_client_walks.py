"""Other clients than the installed one: list, info, tree, download, gate."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from practice_hub import PracticeHub
from practice_hub.visitor import Visitor
from tests.support.paths import ROOT

OPEN, GATED = "practice/tiny-chat", "practice/gated-chat"
PYTHON_WALK = """
import sys, huggingface_hub as h
from huggingface_hub import HfApi
from huggingface_hub.utils import GatedRepoError
token, folder = sys.argv[1], sys.argv[2]
api = HfApi(token=token)
names = [model.id for model in api.list_models(author="practice", limit=3)]
info = api.model_info("practice/tiny-chat", files_metadata=True)
files = sorted(api.list_repo_files("practice/tiny-chat"))
tree = sorted(e.path for e in api.list_repo_tree("practice/tiny-chat") if hasattr(e, "size"))
old = api.model_info("gpt2").id
place = h.snapshot_download("practice/tiny-chat", cache_dir=folder)
import os
size = os.path.getsize(os.path.join(place, "model.safetensors"))
try:
    h.hf_hub_download("practice/gated-chat", "config.json", cache_dir=folder, token=token)
    gate = "open"
except GatedRepoError as error:
    gate = f"closed {error.response.status_code}"
same = info.sha == os.path.basename(place)
print(h.__version__, len(names), same, files == tree, old, size, gate)
"""
NODE_WALK = Path(__file__).parent / "walk.js"


@pytest.fixture(scope="module")
def hub() -> Iterator[PracticeHub]:
    with PracticeHub() as hub:
        yield hub


@pytest.fixture
def visitor(hub: PracticeHub) -> Iterator[Visitor]:
    visitor = Visitor(hub.url)
    yield visitor
    visitor.forget_me()


def environment(hub: PracticeHub, tmp_path: Path) -> dict[str, str]:
    kept = {
        name: os.environ[name] for name in ("PATH", "no_proxy", "NO_PROXY") if name in os.environ
    }
    return {**kept, "HOME": str(tmp_path), "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf")}


@pytest.fixture(scope="module")
def python_of(tmp_path_factory):
    """A Python in an environment of its own that has this huggingface_hub."""

    def install(version: str) -> Path:
        place = tmp_path_factory.mktemp("venv")
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        python = place / "bin" / "python"
        command = [str(python), "-m", "pip", "install", "-q", f"huggingface_hub=={version}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"huggingface_hub {version} cannot be installed here")
        return python

    return install


@pytest.mark.parametrize("version", ["0.36.*", "1.*", "2.*"])
def test_pythons_client_of_each_age(version, python_of, hub, visitor, tmp_path):
    python = python_of(version)
    size = (ROOT / "practice_hub" / "held" / OPEN / "model.safetensors").stat().st_size
    token = visitor.create_token("walk")
    for gate in ("closed 403", "open"):
        command = [str(python), "-c", PYTHON_WALK, token, str(tmp_path / gate)]
        done = subprocess.run(
            command, env=environment(hub, tmp_path), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found = done.stdout.split(maxsplit=1)
        assert found[0].startswith(version.rstrip("*"))
        assert found[1].strip() == f"3 True True openai-community/gpt2 {size} {gate}"
        visitor.agree(GATED)


def test_the_hf_commands(hub, visitor, tmp_path):
    hf = str(Path(sys.executable).parent / "hf")
    token = visitor.create_token("walk")
    variables = environment(hub, tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([hf, *arguments], env=variables, capture_output=True, text=True)

    assert OPEN in run("models", "ls", "--author", "practice", "--no-truncate").stdout
    assert OPEN in run("models", "info", OPEN).stdout
    place = run("download", OPEN, "--local-dir", str(tmp_path / "open"))
    assert (tmp_path / "open" / "model.safetensors").exists(), place.stderr
    variables["HF_TOKEN"] = token
    assert "learner" in run("auth", "whoami").stdout
    refused = run("download", GATED, "config.json", "--local-dir", str(tmp_path / "gated"))
    assert refused.returncode != 0
    assert GATED in refused.stdout + refused.stderr
    visitor.agree(GATED)
    assert (
        run("download", GATED, "config.json", "--local-dir", str(tmp_path / "g2")).returncode == 0
    )


@pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="no node here")
def test_javascripts_client(hub, visitor, tmp_path):
    (tmp_path / "package.json").write_text('{"type": "module"}')
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "@huggingface/hub"]
    if subprocess.run(install, cwd=tmp_path, capture_output=True).returncode:
        pytest.skip("@huggingface/hub cannot be installed here")
    shutil.copy(NODE_WALK, tmp_path)
    token = visitor.create_token("walk")
    for gate in ("closed 403", "open"):
        done = subprocess.run(
            ["node", "walk.js", hub.url, token], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found.pop("sha")
        size = (ROOT / "practice_hub" / "held" / OPEN / "model.safetensors").stat().st_size
        assert found == {
            "models": 3,
            "name": OPEN,
            "legacy": "openai-community/gpt2",
            "commit": True,
            "size": size,
            "listed": size,
            "me": "learner",
            "gate": gate,
            "there": True,
        }
        visitor.agree(GATED)
