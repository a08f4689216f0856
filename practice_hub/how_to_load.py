"""The few lines of Python that load a model, by its library and its task."""

from __future__ import annotations

import json

from practice_hub.model_info import as_list, library_name, pipeline_tag
from practice_hub.repos import Repo

# Task → (auto class, what prepares its input). These tasks have a pipeline in transformers 5.
PIPELINES = {
    "text-generation": ("AutoModelForCausalLM", "AutoTokenizer"),
    "fill-mask": ("AutoModelForMaskedLM", "AutoTokenizer"),
    "text-classification": ("AutoModelForSequenceClassification", "AutoTokenizer"),
    "zero-shot-classification": ("AutoModelForSequenceClassification", "AutoTokenizer"),
    "token-classification": ("AutoModelForTokenClassification", "AutoTokenizer"),
    "feature-extraction": ("AutoModel", "AutoTokenizer"),
    "automatic-speech-recognition": ("AutoModelForSpeechSeq2Seq", "AutoProcessor"),
    "text-to-audio": ("AutoModelForTextToWaveform", "AutoProcessor"),
    "image-text-to-text": ("AutoModelForImageTextToText", "AutoProcessor"),
    "image-classification": ("AutoModelForImageClassification", "AutoImageProcessor"),
    "object-detection": ("AutoModelForObjectDetection", "AutoImageProcessor"),
    "zero-shot-image-classification": ("AutoModelForZeroShotImageClassification", "AutoProcessor"),
}
# Tasks that lost their pipeline in transformers 5, or never had one.
CLASSES = {
    "translation": ("AutoModelForSeq2SeqLM", "AutoTokenizer"),
    "summarization": ("AutoModelForSeq2SeqLM", "AutoTokenizer"),
    "text2text-generation": ("AutoModelForSeq2SeqLM", "AutoTokenizer"),
    "sentence-similarity": ("AutoModel", "AutoTokenizer"),
}
USE_OF_CHAT = (
    'messages = [{"role": "user", "content": "Who are you?"}]',
    "answer = pipe(messages)",
    'print(answer[0]["generated_text"][-1]["content"])',
)


def ways_to_load(repo: Repo) -> list[tuple[str, str]]:
    """(title, code) of each way, the shortest first."""
    library, task = library_name(repo.main), pipeline_tag(repo.main)
    name = json.dumps(repo.id, ensure_ascii=False)
    if library == "transformers":
        return with_transformers(repo, task, name)
    if library == "sentence-transformers":
        return [("sentence-transformers", with_sentence_transformers(name))]
    if library == "diffusers":
        return [("diffusers", with_diffusers(name))]
    return [("huggingface_hub", with_huggingface_hub(name))]


def with_transformers(repo: Repo, task: str | None, name: str) -> list[tuple[str, str]]:
    config = repo.main.read_json("config.json")
    remote = "trust_remote_code=True" if "auto_map" in config else ""
    model_class, input_class = {**CLASSES, **PIPELINES}.get(task or "", ("AutoModel", ""))
    if any(made.endswith("ForCTC") for made in as_list(config.get("architectures"))):
        model_class = "AutoModelForCTC"
    found = []
    if task in PIPELINES:
        given = filter(None, (f'"{task}"', f"model={name}", remote))
        lines = ["from transformers import pipeline", "", "pipe = pipeline("]
        lines += [*(f"    {argument}," for argument in given), ")"]
        if is_chat(repo, task):
            lines += ["", *USE_OF_CHAT]
        found.append(("pipeline()", "\n".join(lines)))
    arguments = ", ".join(filter(None, ("model_id", remote)))
    lines = [f"from transformers import {part}" for part in (model_class, input_class) if part]
    lines += ["", f"model_id = {name}"]
    if input_class:
        variable = "tokenizer" if input_class == "AutoTokenizer" else "processor"
        lines.append(f"{variable} = {input_class}.from_pretrained({arguments})")
    lines.append(f"model = {model_class}.from_pretrained({arguments})")
    return [*found, ("from_pretrained()", "\n".join(lines))]


def is_chat(repo: Repo, task: str | None) -> bool:
    has_template = "chat_template.jinja" in repo.main.files
    return task == "text-generation" and (has_template or "conversational" in repo.hub_tags)


def with_sentence_transformers(name: str) -> str:
    return (
        "from sentence_transformers import SentenceTransformer\n\n"
        f"model = SentenceTransformer({name})\n"
        'vectors = model.encode(["A sentence.", "Another one."])'
    )


def with_diffusers(name: str) -> str:
    return (
        "from diffusers import DiffusionPipeline\n\n"
        f"pipe = DiffusionPipeline.from_pretrained({name})"
    )


def with_huggingface_hub(name: str) -> str:
    return f"from huggingface_hub import snapshot_download\n\nfolder = snapshot_download({name})"
