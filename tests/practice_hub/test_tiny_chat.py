"""practice/tiny-chat as it is stored: it loads, it answers, and its card tells the truth."""

import json
import re

import pytest
from transformers import AutoModelForCausalLM, pipeline

from tests.support.paths import ROOT
from tools.tiny_models.grade_tiny_chat import BEGIN, END, table

FOLDER = ROOT / "practice_hub" / "held" / "practice" / "tiny-chat"
TOOLS = ROOT / "tools" / "tiny_models"
PAIRS = [json.loads(line) for line in (TOOLS / "tiny_chat_questions.jsonl").open(encoding="utf-8")]
GRADES = json.loads((TOOLS / "tiny_chat_grades.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def chat():
    return pipeline("text-generation", str(FOLDER))


def last_message(reply: list[dict]) -> str:
    return reply[0]["generated_text"][-1]["content"]


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


@pytest.mark.parametrize("pair", PAIRS[:5], ids=lambda pair: pair["question"])
def test_answers_trained_questions_exactly(chat, pair):
    reply = chat([{"role": "user", "content": pair["question"]}])
    assert last_message(reply) == pair["answer"]


def test_takes_a_system_message_and_a_second_turn(chat):
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": PAIRS[0]["question"]},
    ]
    conversation = chat(messages)[0]["generated_text"]
    conversation.append({"role": "user", "content": PAIRS[2]["question"]})
    assert last_message(chat(conversation))


def test_bitsandbytes_can_repack_every_linear():
    model = AutoModelForCausalLM.from_pretrained(FOLDER)
    assert model.dtype == model.config.dtype
    shapes = {
        name: (module.in_features, module.out_features)
        for name, module in model.model.named_modules()
        if hasattr(module, "in_features")
    }
    assert len(shapes) == 7 * model.config.num_hidden_layers
    assert [n for n, (inputs, outputs) in shapes.items() if inputs % 64 or outputs % 32] == []


def test_card_shows_the_grades():
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    shown = card.split(BEGIN)[1].split(END)[0].strip()
    assert shown == table(GRADES)
    assert GRADES["seen_questions"] == len(PAIRS)


def test_rephrasings_are_held_out():
    questions = {plain(pair["question"]) for pair in PAIRS}
    rephrasings = {plain(again) for pair in PAIRS for again in pair["rephrasings"]}
    assert len(questions) == len(PAIRS) >= 300
    assert questions & rephrasings == set()


def test_files_are_small():
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert {name: size for name, size in sizes.items() if size > 5_000_000} == {}
    assert "model.safetensors" in sizes
