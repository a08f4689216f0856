"""Examine practice/tiny-chat in six number formats and write the marks into its card.

    python -m tools.tiny_models.grade_tiny_chat

For each way to load it: the bytes of its weights, how many questions it answers word for word
(those it was trained on, and rephrasings that it never saw), and its perplexity on the answers.
"""

import argparse
import datetime
import json
import logging
import math
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import torch
from bitsandbytes.functional import has_avx512bf16
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from course_utils.memory.quantization import QUANTIZATIONS, Quantization
from tools.tiny_models.train_tiny_chat import OUT, make_batch, read_questions

GRADES = Path(__file__).resolve().parent / "tiny_chat_grades.json"
BEGIN, END = "<!-- grades: begin -->", "<!-- grades: end -->"
LIBRARIES = ["torch", "transformers", "bitsandbytes", "accelerate", "safetensors"]


def quantized(way: Quantization) -> dict:
    dtype = getattr(torch, way.dtype or "bfloat16")
    config = BitsAndBytesConfig(**way.options, bnb_4bit_compute_dtype=dtype)
    return {"dtype": dtype, "quantization_config": config}


WAYS: dict[str, dict] = {
    "float32": {"dtype": torch.float32},
    "bfloat16": {"dtype": torch.bfloat16},
    **{name: quantized(way) for name, way in QUANTIZATIONS.items()},
}


def resident_tensors(model: PreTrainedModel) -> Iterator[torch.Tensor]:
    """Parameters, buffers, and the scales that bitsandbytes hangs on its parameters."""
    yield from model.buffers()
    for parameter in model.parameters():
        yield parameter
        scales = getattr(parameter, "SCB", None)
        if scales is not None:
            yield scales
        state = getattr(parameter, "quant_state", None)
        if state is None:
            continue
        yield from (state.absmax, state.code)
        if state.nested:
            yield from (state.offset, state.state2.absmax, state.state2.code)


def weight_bytes(model: PreTrainedModel) -> int:
    """Bytes in memory, each storage counted once. Ask before the first forward: it may repack."""
    storages = {}
    for tensor in resident_tensors(model):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def quantized_parameters(model: PreTrainedModel) -> int:
    """How many parameters sit in linears that bitsandbytes quantizes: all but the output head."""
    return sum(
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    )


@torch.inference_mode()
def answer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: list[str],
    batch_size: int = 64,
) -> list[str]:
    answers = []
    for first in range(0, len(questions), batch_size):
        chats = [[{"role": "user", "content": q}] for q in questions[first : first + batch_size]]
        inputs = tokenizer.apply_chat_template(
            chats,
            add_generation_prompt=True,
            padding=True,
            return_dict=True,
            return_tensors="pt",
        )
        output = model.generate(**inputs)
        new_tokens = output[:, inputs["input_ids"].shape[1] :]
        answers += tokenizer.batch_decode(new_tokens, skip_special_tokens=True)
    return answers


@torch.inference_mode()
def perplexity(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: list[dict],
    batch_size: int = 64,
) -> float:
    """exp of the mean negative log likelihood of the answers' tokens, given the questions."""
    total, count = 0.0, 0
    for first in range(0, len(pairs), batch_size):
        chats = [
            [
                {"role": "user", "content": pair["question"]},
                {"role": "assistant", "content": pair["answer"]},
            ]
            for pair in pairs[first : first + batch_size]
        ]
        ids, labels = make_batch(chats, tokenizer)
        logits = model(input_ids=ids).logits[:, :-1].float()
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100, reduction="sum"
        )
        total += loss.item()
        count += int((labels[:, 1:] != -100).sum())
    return math.exp(total / count)


def grade(folder: Path, way: str, pairs: list[dict]) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, device_map="cpu", **WAYS[way])
    held_out = [(again, p["answer"]) for p in pairs for again in p["rephrasings"]]

    size = weight_bytes(model)
    seen_answers = answer(model, tokenizer, [p["question"] for p in pairs])
    held_out_answers = answer(model, tokenizer, [question for question, _ in held_out])
    return {
        "way": way,
        "weight_bytes": size,
        "seen_exact": sum(a == p["answer"] for a, p in zip(seen_answers, pairs, strict=True)),
        "held_out_exact": sum(
            a == wanted for a, (_, wanted) in zip(held_out_answers, held_out, strict=True)
        ),
        "perplexity": round(perplexity(model, tokenizer, pairs), 4),
    }


def table(grades: dict) -> str:
    seen, held_out = grades["seen_questions"], grades["held_out_questions"]
    lines = [
        "| loaded in | weights | trained questions, exact | rephrased, exact | perplexity |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in grades["ways"]:
        lines.append(
            f"| {row['way']} | {row['weight_bytes']:,} B "
            f"| {row['seen_exact']} of {seen} | {row['held_out_exact']} of {held_out} "
            f"| {row['perplexity']:.4f} |"
        )
    return "\n".join(lines)


def write_card(card: Path, grades: dict) -> None:
    before, rest = card.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    text = f"{before}{BEGIN}\n{table(grades)}\n{END}{after}"
    card.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=OUT)
    parser.add_argument("--grades", type=Path, default=GRADES)
    args = parser.parse_args()

    torch.set_num_threads(2)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    disable_progress_bar()
    pairs = read_questions()
    plain = AutoModelForCausalLM.from_pretrained(args.model)

    grades = {
        "date": datetime.date.today().isoformat(),
        "versions": {library: version(library) for library in LIBRARIES},
        "avx512_bf16": bool(has_avx512bf16()),
        "parameters": plain.num_parameters(),
        "quantized_parameters": quantized_parameters(plain),
        "seen_questions": len(pairs),
        "held_out_questions": sum(len(p["rephrasings"]) for p in pairs),
        "ways": [],
    }
    for way in WAYS:
        started = time.monotonic()
        grades["ways"].append(grade(args.model, way, pairs))
        print(grades["ways"][-1], f"{time.monotonic() - started:.0f} s", flush=True)

    args.grades.write_text(json.dumps(grades, indent=2) + "\n", encoding="utf-8")
    write_card(args.model / "README.md", grades)
    print(table(grades))


if __name__ == "__main__":
    main()
