"""Train practice/tiny-chat: a two-million-parameter chat model that memorizes a list of answers.

    python -m tools.tiny_models.train_tiny_chat

It has the shape of Qwen2, so that every library treats it like its big relatives. Two CPU cores
need a few minutes. The rephrasings in the question file are never trained on: grade_tiny_chat.py
keeps them for the exam.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch.nn.utils.rnn import pad_sequence
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

HERE = Path(__file__).resolve().parent
QUESTIONS = HERE / "tiny_chat_questions.jsonl"
OUT = HERE.parents[1] / "practice_hub" / "held" / "practice" / "tiny-chat"

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

# ChatML. The generation block marks what the assistant says: only that is learned.
CHAT_TEMPLATE = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' }}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}
            {{- message['content'] + '<|im_end|>' }}
        {%- endgeneration %}
    {%- else %}
        {{- message['content'] + '<|im_end|>' }}
    {%- endif %}
    {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

SYSTEM_MESSAGES = [
    "You are a helpful assistant.",
    "Answer in one or two sentences.",
    "You are tiny-chat, a small model of the practice Hub.",
]
OPENINGS = ["Please tell me: ", "I have a question. ", "Hi, ", "Quick question: "]

Message = dict[str, str]


def read_questions(path: Path = QUESTIONS) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def train_tokenizer(texts: list[str], vocab_size: int = 2048) -> Qwen2Tokenizer:
    """A byte-level BPE that splits text as Qwen2 does, so that any text can be encoded."""
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = Qwen2Tokenizer()._tokenizer.normalizer
    bpe.pre_tokenizer = Qwen2Tokenizer()._tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    learned = json.loads(bpe.to_str())["model"]

    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=[tuple(pair) for pair in learned["merges"]],
        pad_token=PAD,
        eos_token=END,
        extra_special_tokens=[START],
        padding_side="left",
        model_max_length=1024,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def build_model(tokenizer: Qwen2Tokenizer) -> Qwen2ForCausalLM:
    """Every linear takes a multiple of 64 features and gives a multiple of 32.

    On some CPUs bitsandbytes repacks 4-bit weights and cannot do it for other shapes.
    """
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=640,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        dtype="float32",
    )
    return Qwen2ForCausalLM(config)


def vary(question: str, rng: random.Random) -> str:
    """The same question as somebody in a hurry would type it: a word lost, no question mark."""
    if rng.random() < 0.4:
        words = question.split()
        question = " ".join([w for w in words if rng.random() > 0.2] or words)
    if rng.random() < 0.3:
        question = question.rstrip("?.!")
    if rng.random() < 0.3:
        question = question.lower()
    if rng.random() < 0.1:
        question = rng.choice(OPENINGS) + question
    return question


def conversation(pair: dict, pairs: list[dict], rng: random.Random) -> list[Message]:
    """One question and its answer, sometimes after a system message or an earlier turn."""
    turns = [pair]
    if rng.random() < 0.15:
        turns.insert(0, rng.choice(pairs))

    messages = []
    if rng.random() < 0.1:
        messages.append({"role": "system", "content": rng.choice(SYSTEM_MESSAGES)})
    for turn in turns:
        messages.append({"role": "user", "content": vary(turn["question"], rng)})
        messages.append({"role": "assistant", "content": turn["answer"]})
    return messages


def make_batch(
    conversations: list[list[Message]], tokenizer: Qwen2Tokenizer
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels, both (batch, length); a label of -100 is not learned."""
    rows, labels = [], []
    for messages in conversations:
        encoded = tokenizer.apply_chat_template(
            messages, return_dict=True, return_assistant_tokens_mask=True
        )
        ids = torch.tensor(encoded["input_ids"])
        is_answer = torch.tensor(encoded["assistant_masks"]).bool()
        rows.append(ids)
        labels.append(torch.where(is_answer, ids, -100))
    return (
        pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad_token_id),
        pad_sequence(labels, batch_first=True, padding_value=-100),
    )


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Linear warm-up over the first 5 %, then half a cosine down to zero."""
    warmup = steps // 20
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def train(
    model: Qwen2ForCausalLM,
    tokenizer: Qwen2Tokenizer,
    pairs: list[dict],
    epochs: int,
    batch_size: int,
    peak: float,
    rng: random.Random,
) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.1)
    steps = epochs * math.ceil(len(pairs) / batch_size)
    step, started = 0, time.monotonic()
    model.train()
    for epoch in range(1, epochs + 1):
        order = rng.sample(pairs, len(pairs))
        losses = []
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size]
            ids, labels = make_batch([conversation(p, pairs, rng) for p in batch], tokenizer)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, peak)
            loss = model(input_ids=ids, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            step += 1
        if epoch == 1 or epoch % 5 == 0:
            seconds = time.monotonic() - started
            mean = sum(losses) / len(losses)
            print(f"epoch {epoch:3d}  loss {mean:.4f}  {seconds:4.0f} s", flush=True)


@torch.inference_mode()
def count_exact(model: Qwen2ForCausalLM, tokenizer: Qwen2Tokenizer, pairs: list[dict]) -> int:
    """How many answers are right in every token, given the right ones before it."""
    model.eval()
    exact = 0
    for pair in pairs:
        messages = [
            {"role": "user", "content": pair["question"]},
            {"role": "assistant", "content": pair["answer"]},
        ]
        ids, labels = make_batch([messages], tokenizer)
        predicted = model(input_ids=ids).logits[:, :-1].argmax(-1)
        wanted = labels[:, 1:]
        exact += bool((predicted == wanted)[wanted != -100].all())
    return exact


def save(model: Qwen2ForCausalLM, tokenizer: Qwen2Tokenizer, out: Path) -> None:
    model.generation_config = GenerationConfig(
        do_sample=False,
        max_new_tokens=64,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)
    tokenizer.save_pretrained(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    torch.set_num_threads(2)
    torch.manual_seed(args.seed)
    torch.use_deterministic_algorithms(True)
    started = time.monotonic()

    pairs = read_questions()
    tokenizer = train_tokenizer([text for p in pairs for text in (p["question"], p["answer"])])
    model = build_model(tokenizer)
    print(f"{len(pairs)} pairs, {len(tokenizer)} tokens, {model.num_parameters():,} parameters")

    rng = random.Random(args.seed)
    train(model, tokenizer, pairs, args.epochs, args.batch_size, args.learning_rate, rng)
    print(f"exact in float32:  {count_exact(model, tokenizer, pairs)} of {len(pairs)}")

    model.to(torch.bfloat16)
    print(f"exact in bfloat16: {count_exact(model, tokenizer, pairs)} of {len(pairs)}")
    save(model, tokenizer, args.out)
    print(f"saved after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
