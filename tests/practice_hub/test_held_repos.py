"""The repos that the practice Hub holds: each is complete, small, and does what its card says."""

import json
import re
import tomllib
import warnings
from pathlib import Path

import pytest
import torch
import yaml
from safetensors import safe_open
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    BitsAndBytesConfig,
    PreTrainedModel,
    pipeline,
)
from transformers.utils import logging

from tests.support.paths import HELD
from tools.tiny_models.grade_tiny_chat import BEGIN, END
from tools.tiny_models.held_sentences import course_sentences, sentiment_sentences, topic_sentences
from tools.tiny_models.train_held import CHATS, GRADES, RECIPES, hold_out, read_questions, table

FACTS = tomllib.loads((HELD / "hub.toml").read_text(encoding="utf-8"))
REPOS = sorted(repo_id.split("/")[1] for repo_id in FACTS)
MEASURED = json.loads(GRADES.read_text(encoding="utf-8"))
PAIRS = read_questions(CHATS)

LICENSES = {
    "tiny-sentiment": "mit",
    "pickle-sentiment": "mit",
    "tiny-fill-mask": "bsd-3-clause",
    "custom-code-classifier": "apache-2.0",
    "sharded-chat": "apache-2.0",
    "no-license": None,
    "noncommercial-chat": "cc-by-nc-4.0",
    "relabeled-chat": "apache-2.0",
    "gated-chat": "other",
    "gated-manual-chat": "apache-2.0",
    "private-chat": "apache-2.0",
    "tiny-chat": "apache-2.0",
}
CLASSIFIED = {
    "tiny-sentiment": [("The soup was wonderful.", "positive"), ("I hate it.", "negative")],
    "pickle-sentiment": [("The soup was wonderful.", "positive"), ("I hate it.", "negative")],
    "custom-code-classifier": [
        ("How do I get a token?", "gate"),
        ("Is commercial use allowed?", "license"),
    ],
}
FILLED = {
    "The weights of a model have to fit on the [MASK].": "gpu",
    "The MIT license is [MASK].": "permissive",
}
CHAT_REPOS = sorted({pair["repo"] for pair in PAIRS})
AUTO_CLASSES = {
    **dict.fromkeys(CHAT_REPOS, AutoModelForCausalLM),
    **dict.fromkeys(CLASSIFIED, AutoModelForSequenceClassification),
    "tiny-fill-mask": AutoModelForMaskedLM,
}


def folder(name: str) -> Path:
    return HELD / "practice" / name


def card_of(name: str) -> tuple[dict, str]:
    """A card's metadata and its text."""
    text = (folder(name) / "README.md").read_text(encoding="utf-8")
    _, metadata, body = text.split("---\n", 2)
    return yaml.safe_load(metadata), body


def is_custom(name: str) -> bool:
    return (folder(name) / "modeling_bag_of_words.py").exists()


def load(name: str, **options: object) -> PreTrainedModel:
    return AUTO_CLASSES[name].from_pretrained(
        folder(name), trust_remote_code=is_custom(name), **options
    )


@pytest.fixture(autouse=True)
def own_module_cache(tmp_path, monkeypatch):
    """Custom code is copied there before it is run."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def said(capfd):
    """Returns what was printed so far, warnings included."""
    logging.disable_progress_bar()
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield lambda: "".join(capfd.readouterr())
    logging.enable_progress_bar()


# On the shelf


def test_every_repo_has_a_folder_and_every_folder_a_table():
    assert sorted(path.name for path in (HELD / "practice").iterdir() if path.is_dir()) == REPOS
    assert sorted(RECIPES) == sorted(MEASURED) == sorted(set(REPOS) - {"tiny-chat"})


def test_all_of_it_is_small():
    assert sum(path.stat().st_size for path in HELD.rglob("*") if path.is_file()) <= 12_000_000


def test_facts_of_the_hub_are_plausible():
    for repo_id, facts in FACTS.items():
        assert facts["downloads"] <= facts["downloads_all_time"], repo_id
        assert facts["created"] <= facts.get("modified", facts["created"]) <= "2026-11-22", repo_id
        assert facts.get("gated", False) in (False, "auto", "manual"), repo_id
    downloads = {repo_id.split("/")[1]: facts["downloads"] for repo_id, facts in FACTS.items()}
    assert downloads["relabeled-chat"] > downloads["noncommercial-chat"]


# Cards


def test_only_no_card_has_no_card():
    assert [name for name in REPOS if not (folder(name) / "README.md").exists()] == ["no-card"]


@pytest.mark.parametrize("name", sorted(LICENSES))
def test_card_states_license_language_and_task(name):
    metadata, body = card_of(name)
    assert metadata.get("license") == LICENSES[name]
    assert metadata["language"] == ["en"]
    assert metadata["library_name"] == "transformers"
    assert metadata["pipeline_tag"] in ("text-generation", "text-classification", "fill-mask")
    assert body.strip().startswith(f"# {name}\n")
    assert f'"practice/{name}"' in body
    assert (folder(name) / "LICENSE").exists() == (metadata.get("license") is not None)


@pytest.mark.parametrize("name", sorted(set(LICENSES) - {"tiny-chat"}))
def test_card_shows_what_was_measured(name):
    _, body = card_of(name)
    assert body.split(BEGIN)[1].split(END)[0].strip() == table(MEASURED[name])


def test_gates_have_their_forms():
    gated = {name for name in REPOS if FACTS[f"practice/{name}"].get("gated")}
    asking = {
        name for name in LICENSES if any(key.startswith("extra_gated_") for key in card_of(name)[0])
    }
    assert gated == asking == {"gated-chat", "gated-manual-chat"}
    automatic, manual = card_of("gated-chat")[0], card_of("gated-manual-chat")[0]
    assert automatic["license_name"] == "practice-community-license"
    assert (folder("gated-chat") / automatic["license_link"]).exists()
    assert "Practice Community License" in automatic["extra_gated_prompt"]
    assert set(manual["extra_gated_fields"].values()) == {"text", "country", "checkbox"}


def test_community_license_has_the_clauses_that_lessons_read():
    text = (folder("gated-chat") / "LICENSE").read_text(encoding="utf-8")
    assert "Acceptable use" in text
    assert "more than 10,000 people" in text


def test_relabeled_contradicts_its_base():
    metadata, _ = card_of("relabeled-chat")
    base, _ = card_of(metadata["base_model"].split("/")[1])
    assert (metadata["license"], base["license"]) == ("apache-2.0", "cc-by-nc-4.0")


def test_relabeled_was_finetuned_from_its_base():
    names = ("noncommercial-chat", "relabeled-chat", "no-card")
    base, finetuned, stranger = (load(name).model.embed_tokens.weight.flatten() for name in names)
    closeness = torch.nn.functional.cosine_similarity
    assert not torch.equal(base, finetuned)
    assert closeness(base, finetuned, dim=0) > 0.5
    assert closeness(base, stranger, dim=0) < 0.2


# Weights


@pytest.mark.parametrize("name", sorted(AUTO_CLASSES))
def test_weights_have_the_stated_size_dtype_and_shapes(name):
    model = load(name)
    assert model.num_parameters() == MEASURED[name]["parameters"]
    assert str(model.dtype) == f"torch.{MEASURED[name]['dtype']}"
    # On some CPUs bitsandbytes repacks 4-bit weights and cannot do it for other shapes. It leaves
    # output embeddings alone, and the cards say to leave the classifiers alone.
    linears = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    heads = {id(model.get_output_embeddings()), id(getattr(model, "classifier", None))}
    inner = [m for m in linears if id(m) not in heads]
    assert inner
    assert [m for m in inner if m.in_features % 64 or m.out_features % 32] == []


@pytest.mark.parametrize("name", sorted(AUTO_CLASSES))
def test_runs_in_four_bits(name):
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules=["classifier"] if name in CLASSIFIED else None,
    )
    model = load(name, quantization_config=four_bits, device_map="cpu", dtype=torch.bfloat16)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[1, 2, 3, 4]])).logits
    assert model.is_loaded_in_4bit
    assert logits.isfinite().all()


def test_sharded_chat_has_shards():
    index = json.loads((folder("sharded-chat") / "model.safetensors.index.json").read_text())
    shards = sorted(path.name for path in folder("sharded-chat").glob("*.safetensors"))
    assert len(shards) == 3
    assert sorted(set(index["weight_map"].values())) == shards
    for name, file in index["weight_map"].items():
        with safe_open(folder("sharded-chat") / file, "pt") as shard:
            assert name in shard.keys()  # noqa: SIM118
    assert load("sharded-chat").config.model_type == "llama"


def test_pickle_sentiment_is_a_pickle_of_tensors_only():
    names = {path.name for path in folder("pickle-sentiment").iterdir()}
    assert [name for name in names if name.endswith(".safetensors")] == []
    state = torch.load(folder("pickle-sentiment") / "pytorch_model.bin", weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())


def test_custom_code_needs_trust():
    path = folder("custom-code-classifier")
    with pytest.raises(ValueError, match="trust_remote_code"):
        AutoConfig.from_pretrained(path, trust_remote_code=False)
    with pytest.raises(ValueError, match="trust_remote_code"):
        AutoModelForSequenceClassification.from_pretrained(path, trust_remote_code=False)
    code = {file.name for file in path.glob("*.py")}
    named = set(re.findall(r"(\w+)\.\w+", json.dumps(load(path.name).config.auto_map)))
    assert code == {f"{module}.py" for module in named} == {"modeling_bag_of_words.py"}


# Answers


def asked_in_card(name: str) -> list[str]:
    if name == "no-card":
        return []
    return re.findall(r'"content": "(.+?)"', card_of(name)[1])


@pytest.mark.parametrize("name", sorted(set(CHAT_REPOS) - {"no-card"}))
def test_card_asks_a_trained_question(name):
    questions = {pair["question"] for pair in PAIRS if pair["repo"] == name}
    asked = asked_in_card(name)
    assert asked
    assert set(asked) <= questions


@pytest.mark.parametrize("name", CHAT_REPOS)
def test_chat_answers_what_it_was_taught(name, said):
    pairs = [pair for pair in PAIRS if pair["repo"] == name]
    chat = pipeline("text-generation", str(folder(name)))
    shown = asked_in_card(name)
    for pair in [pair for i, pair in enumerate(pairs) if i < 2 or pair["question"] in shown]:
        reply = chat([{"role": "user", "content": pair["question"]}])
        assert reply[0]["generated_text"][-1]["content"] == pair["answer"]
    assert said() == ""


def test_gated_chat_says_that_the_gate_is_open():
    chat = pipeline("text-generation", str(folder("gated-chat")))
    reply = chat([{"role": "user", "content": "Did it work?"}])
    assert reply[0]["generated_text"][-1]["content"] == "You opened the gate."


@pytest.mark.parametrize("name", sorted(CLASSIFIED))
def test_classifier_labels(name, said):
    trust = {"trust_remote_code": True} if is_custom(name) else {}
    classify = pipeline("text-classification", str(folder(name)), **trust)
    for text, label in CLASSIFIED[name]:
        assert classify(text)[0]["label"] == label
    assert said() == ""


def test_fill_mask_fills(said):
    fill = pipeline("fill-mask", str(folder("tiny-fill-mask")))
    for text, word in FILLED.items():
        assert fill(text)[0]["token_str"] == word
    assert said() == ""


# What they were trained on


def test_questions_are_distinct_and_rephrasings_held_out():
    for name in CHAT_REPOS:
        pairs = [pair for pair in PAIRS if pair["repo"] == name]
        questions = {pair["question"].lower().rstrip("?.!") for pair in pairs}
        again = {other.lower().rstrip("?.!") for pair in pairs for other in pair["rephrasings"]}
        assert len(questions) == len(pairs) >= 10
        assert questions & again == set()


@pytest.mark.parametrize("sentences", [sentiment_sentences, topic_sentences])
def test_written_sentences_are_distinct(sentences):
    written, made = sentences()
    assert len({text for text, _ in written}) == len(written)
    labels = dict(made)
    assert all(labels[text] == label for text, label in made)


def test_held_out_items_are_not_trained_on():
    kept, exam = hold_out(course_sentences(), 6)
    assert set(kept) & set(exam) == set()
    assert len(set(course_sentences())) == len(course_sentences())
