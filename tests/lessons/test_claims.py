"""What the lessons say of the libraries, held against the installed versions.

Each test is named by a claim in ``course_utils/curriculum.toml``; when one fails, that sentence has
to be mended.
"""

from __future__ import annotations

import pytest
import torch
import transformers
from huggingface_hub import ModelInfo
from packaging.version import Version

from tests.support.paths import HELD

CHAT = '"practice/tiny-chat"'


def test_endpoint_is_read_at_import(hub, run_python):
    code = """
import os, huggingface_hub
before = huggingface_hub.HfApi().endpoint
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
print(huggingface_hub.HfApi().endpoint == before)
"""
    assert run_python(code, HF_ENDPOINT=hub.url).stdout.strip() == "True"


def test_stored_dtype_is_the_default():
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained("practice/tiny-chat")
    assert model.dtype == torch.bfloat16


def test_files_are_fetched_at_one_commit(recording_practice_hub, run_python):
    code = f"""
from transformers import AutoModelForCausalLM
AutoModelForCausalLM.from_pretrained({CHAT})
"""
    run_python(code, HF_ENDPOINT=recording_practice_hub.url)
    paths = recording_practice_hub.paths
    asked = "/api/models/practice/tiny-chat" in paths
    resolved = [path for path in paths if "/resolve/" in path]
    since = Version(transformers.__version__) >= Version("5.18")
    revision = recording_practice_hub.sha if since else "main"
    assert asked is since
    assert f"/practice/tiny-chat/resolve/{revision}/model.safetensors" in resolved
    assert all(f"/resolve/{revision}/" in path for path in resolved)


def test_second_load_downloads_nothing(recording_practice_hub, run_python):
    code = f"""
from transformers import AutoModelForCausalLM
AutoModelForCausalLM.from_pretrained({CHAT})
"""
    run_python(code, HF_ENDPOINT=recording_practice_hub.url)
    first = len(recording_practice_hub.fetched)
    run_python(code, HF_ENDPOINT=recording_practice_hub.url)
    assert first > 0
    assert recording_practice_hub.fetched[first:] == []


def test_the_list_is_sorted_by_trending():
    from huggingface_hub import HfApi

    unasked = [model.id for model in HfApi().list_models(limit=10)]
    by_trend = [model.id for model in HfApi().list_models(limit=10, sort="trending_score")]
    assert unasked == by_trend


def test_pipelines_that_transformers_5_removed():
    from transformers import pipeline
    from transformers.pipelines import PIPELINE_REGISTRY

    removed = "summarization", "translation", "question-answering", "text2text-generation"
    assert not set(removed) & set(PIPELINE_REGISTRY.get_supported_tasks())
    for task in removed:
        with pytest.raises(
            KeyError, match=f"(The task {task} has been removed|Unknown task {task})"
        ):
            pipeline(task)


def test_all_time_downloads_are_asked_for_by_name():
    from huggingface_hub import HfApi

    info = HfApi().model_info("practice/tiny-chat")
    assert info.downloads and info.downloads_all_time is None
    asked = HfApi().model_info("practice/tiny-chat", expand=["downloads", "downloadsAllTime"])
    assert asked.downloads_all_time > asked.downloads
    assert "last 30 days" in " ".join(ModelInfo.__doc__.split())


def test_filters_must_all_hold():
    from huggingface_hub import HfApi

    labels = ["license:apache-2.0", "safetensors"]
    models = list(HfApi().list_models(filter=labels))
    assert models and all(set(labels) <= set(model.tags) for model in models)


def test_the_size_filter_drops_what_has_no_count():
    from huggingface_hub import HfApi

    sized = {model.id for model in HfApi().list_models(num_parameters="min:1,max:900B")}
    assert "practice/tiny-sentiment" in sized and "practice/pickle-sentiment" not in sized


def test_misspelled_filters():
    from huggingface_hub import HfApi

    assert list(HfApi().list_models(pipeline_tag="text-clasification")) == []
    for gone in ({"task": "text-classification"}, {"direction": -1}):
        with pytest.raises(TypeError):
            HfApi().list_models(**gone)


# Notebook 02


def test_a_card_is_metadata_and_prose():
    from huggingface_hub import ModelCard

    card = ModelCard.load("practice/tiny-sentiment")
    assert card.data.license == "mit" and card.data.language == ["en"]
    assert card.text.strip().startswith("# tiny-sentiment")
    assert "license: mit" not in card.text


def test_fill_mask_wants_a_mask():
    from transformers import pipeline
    from transformers.pipelines import PipelineException

    fill = pipeline("fill-mask", model="practice/tiny-fill-mask")
    with pytest.raises(PipelineException, match="No mask_token"):
        fill("The MIT license is")


def test_a_chat_pipeline_answers_in_kind():
    from transformers import pipeline

    chat = pipeline("text-generation", model="practice/tiny-chat")
    messages = [{"role": "user", "content": "What is a repo id?"}]
    assert isinstance(chat(messages)[0]["generated_text"], list)
    assert isinstance(chat("What is a repo id?")[0]["generated_text"], str)


def test_code_of_a_repo_is_not_run_unasked():
    from transformers import pipeline

    with pytest.raises(ValueError, match="contains custom code"):
        pipeline(
            "text-classification",
            model="practice/custom-code-classifier",
            trust_remote_code=False,
        )


def test_a_pickle_with_a_surprise_is_refused(tmp_path, capfd):
    import pickle
    import shutil

    from transformers import AutoModelForSequenceClassification

    class Surprise:
        def __reduce__(self):
            return print, ("surprise",)

    path = tmp_path / "pytorch_model.bin"
    torch.save({"weight": torch.ones(2), "extra": Surprise()}, path)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(path)
    held = HELD / "practice" / "pickle-sentiment"
    shutil.copy(held / "config.json", tmp_path)
    with pytest.raises(Exception, match="Weights only load failed"):
        AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert "surprise" not in "".join(capfd.readouterr())
    torch.load(path, weights_only=False)
    assert "surprise" in "".join(capfd.readouterr())


def test_missing_and_broken_cards():
    import yaml
    from huggingface_hub import ModelCard
    from huggingface_hub.errors import EntryNotFoundError

    with pytest.raises(EntryNotFoundError):
        ModelCard.load("practice/no-card")
    with pytest.raises(yaml.YAMLError):
        ModelCard("---\nlicense: [mit\n---\n# broken")


# Notebook 03


def test_the_license_filter_trusts_the_tag():
    from huggingface_hub import HfApi

    found = HfApi().list_models(author="practice", filter="license:apache-2.0")
    assert "practice/relabeled-chat" in [model.id for model in found]


def test_licenses_that_are_missing_or_several():
    from huggingface_hub import HfApi, ModelCard

    assert HfApi().model_info("practice/no-card").card_data is None
    assert HfApi().model_info("practice/no-license").card_data.license is None
    several = ModelCard("---\nlicense: [mit, apache-2.0]\n---\n")
    assert several.data.license == ["mit", "apache-2.0"]


def test_the_license_of_a_gated_model_is_open():
    from pathlib import Path

    from huggingface_hub import ModelCard, hf_hub_download

    data = ModelCard.load("practice/gated-chat").data
    assert data.license == "other"
    assert (data.license_name, data.license_link) == ("practice-community-license", "LICENSE")
    path = hf_hub_download("practice/gated-chat", "LICENSE", token=False)
    assert "PRACTICE COMMUNITY LICENSE" in Path(path).read_text()
