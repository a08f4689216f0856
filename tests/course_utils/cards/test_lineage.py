"""Base models as people name them: in metadata of every form, and in prose."""

from __future__ import annotations

import pytest

from course_utils.cards.lineage import bases_of
from course_utils.cards.markdown import read_card_text
from course_utils.hub.repo_id import repo_id_of

METADATA = {
    "acme/base": ("acme/base",),
    "https://huggingface.co/acme/base": ("acme/base",),
    "https://huggingface.co/acme/base/tree/main": ("acme/base",),
    "huggingface.co/acme/base?library=transformers": ("acme/base",),
    "hf.co/acme/base": ("acme/base",),
    " acme/base ": ("acme/base",),
}
PROSE = [
    "This model is a fine-tuned version of [acme/Base-7B](https://huggingface.co/acme/Base-7B).",
    "A LoRA fine-tune of [our base](https://huggingface.co/acme/Base-7B) on letters.",
    'A LoRA fine-tune of [our [old] base](<https://huggingface.co/acme/Base-7B> "a (big) title").',
    "A LoRA fine-tune of [our base][1] on letters.\n\n[1]: https://huggingface.co/acme/Base-7B",
    "A LoRA fine-tune of <https://huggingface.co/acme/Base-7B> on letters.",
    "A fine-tune of [![our base](logo.png)](https://huggingface.co/acme/Base-7B) on letters.",
    "GGUF quantizations of `acme/Base-7B`, made with llama.cpp.",
    "It adapts `acme/Base-7B` on 100 examples.",
    "- **Base model:** [acme/Base-7B](https://huggingface.co/acme/Base-7B)",
    "| | |\n|---|---|\n| **Base model** | acme/Base-7B |",
    "- Base: `acme/Base-7B`",
    "Grundlage ist acme/Base-7B.",
    "Das Modell basiert auf acme/Base-7B.",
    "Ce modèle est basé sur acme/Base-7B.",
    "Modelo base: acme/Base-7B",
    "Este modelo está basado en acme/Base-7B.",
    "Modelo baseado no acme/Base-7B.",
    "本模型基于 [acme/Base-7B](https://huggingface.co/acme/Base-7B) 进行微调。",
    "acme/Base-7Bをベースに学習しました。",
    "acme/Base-7B를 기반으로 파인튜닝했습니다.",
    "Модель создана на основе acme/Base-7B.",
]
NO_BASE = [
    "It beats [acme/Base-7B](https://huggingface.co/acme/Base-7B) on eleven tasks.",
    "A LoRA fine-tune of \\[our base\\](https://example.org) and `[x](https://hf.co/acme/Base-7B)`.",
    "A LoRA fine-tune of ![acme/Base-7B](https://huggingface.co/acme/Base-7B).",
    "Looking for something smaller? Try [acme/Base-7B](https://huggingface.co/acme/Base-7B).",
    "Trained from scratch. We compared it with acme/Base-7B.",
    "Fine-tuned on the data of https://huggingface.co/datasets/acme/Letters-1.",
    "It is based on an encoder/decoder architecture.",
    "The code is on [GitHub](https://github.com/acme/Base-7B).",
    "It is not based on acme/Base-7B.",
    "```\nfine-tuned from acme/Base-7B\n```",
    "<!-- base model: acme/Base-7B -->",
]


def bases(text: str, metadata: dict | None = None):
    return bases_of("zz/child", metadata or {}, read_card_text(f"# child\n\n{text}\n"))


@pytest.mark.parametrize("named", METADATA)
def test_addresses_are_read_as_repo_ids(named):
    assert bases("", {"base_model": named}).names == METADATA[named]
    assert bases("", {"base_model": [named]}).names == METADATA[named]


@pytest.mark.parametrize(
    "entry",
    [{"name": "acme/base"}, {"model": "acme/base", "revision": "v1"}, {"acme/base": {"weight": 1}}],
)
def test_mappings_are_read(entry):
    assert bases("", {"base_model": entry}).names == ("acme/base",)
    assert bases("", {"base_model": [entry, "acme/other"]}).names == ("acme/base", "acme/other")


def test_an_entry_that_names_nothing_is_reported():
    found = bases("", {"base_model": {"weight": 1}})
    assert found.names == () and "weight" in found.odd[0]


def test_the_address_of_a_dataset_is_no_model():
    address = "https://huggingface.co/datasets/acme/letters"
    assert repo_id_of(address) == address


@pytest.mark.parametrize("text", PROSE)
def test_a_base_model_in_prose_is_found(text):
    found = bases(text)
    assert found.names == ("acme/Base-7B",)
    assert found.places["acme/Base-7B"].startswith("line 3") or "|" in text


@pytest.mark.parametrize("text", NO_BASE)
def test_other_repos_are_no_base_models(text):
    assert bases(text).names == ()


def test_metadata_outweighs_prose():
    assert bases(PROSE[0], {"base_model": "acme/other"}).names == ("acme/other",)


def test_a_name_without_its_owner_is_a_hint():
    assert any("Llama 2" in words for words, _ in bases("Modelo base: Llama 2 7B").hints)
