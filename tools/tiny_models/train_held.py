"""Train the small models of the practice Hub (all but tiny-chat) and measure them.

    python -m tools.tiny_models.train_held              # all of them, in minutes
    python -m tools.tiny_models.train_held gated-chat   # only those named

Each recipe trains one model from its own seed, writes weights, config and tokenizer into the repo's
folder, examines what it wrote, and puts the result into the card. Cards and LICENSE files are
written by hand and stay as they are, except for the lines between the markers.
"""

import argparse
import json
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from tokenizers import normalizers, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertTokenizer,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    DistilBertTokenizer,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
)
from transformers.utils.logging import disable_progress_bar

from tools.tiny_models.grade_tiny_chat import BEGIN, END, answer
from tools.tiny_models.held_sentences import (
    TOPICS,
    course_sentences,
    sentiment_sentences,
    topic_sentences,
)
from tools.tiny_models.train_tiny_chat import (
    OUT,
    learning_rate,
    make_batch,
    read_questions,
    train_tokenizer,
    vary,
)

HERE = Path(__file__).resolve().parent
OWNER = OUT.parent
CHATS = HERE / "held_chats.jsonl"
GRADES = HERE / "held_grades.json"

CONTEXT = 512
SENTIMENTS = ["negative", "positive"]
WRITTEN_FOR_EXAM = 5  # every fifth written sentence is kept for the exam
COURSE_FOR_EXAM = 6

Labeled = list[tuple[str, int]]
Grades = dict[str, int | float | str]


# What all of them share


def seed_for(name: str) -> random.Random:
    """Seed torch and return a generator: the same for this repo, whatever was trained before."""
    seed = zlib.crc32(name.encode())
    torch.manual_seed(seed)
    return random.Random(seed)


def fit(
    model: PreTrainedModel,
    next_inputs: Callable[[], dict[str, torch.Tensor]],
    steps: int,
    peak: float,
) -> None:
    """Train on ``steps`` batches; ``next_inputs`` makes one, labels included."""
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.1)
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak)
        loss = model(**next_inputs()).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
    print(f"  {steps} steps, last loss {loss.item():.4f}", flush=True)


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    set_modes(folder)


def set_modes(folder: Path) -> None:
    for path in folder.glob("*.safetensors"):
        path.chmod(0o644)


def sizes(folder: Path, model: PreTrainedModel) -> Grades:
    weights = [p for end in ("safetensors", "bin") for p in folder.glob(f"*.{end}")]
    return {
        "parameters": model.num_parameters(),
        "dtype": str(model.dtype).removeprefix("torch."),
        "weight_files": len(weights),
        "weight_file_bytes": sum(path.stat().st_size for path in weights),
    }


def table(grades: Grades) -> str:
    lines = ["| | |", "|---|---:|"]
    for name, value in grades.items():
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        lines.append(f"| {name.replace('_', ' ')} | {shown} |")
    return "\n".join(lines)


def write_card(card: Path, grades: Grades) -> None:
    before, rest = card.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    card.write_text(f"{before}{BEGIN}\n{table(grades)}\n{END}{after}", encoding="utf-8")


def hold_out(items: list, every: int) -> tuple[list, list]:
    """(to train on, for the exam): every n-th goes to the exam."""
    return [x for i, x in enumerate(items) if i % every], items[::every]


def share(right: int, asked: int) -> str:
    return f"{right} of {asked} ({100 * right / asked:.0f} %)"


# Chat models


def read_chats(name: str) -> list[dict]:
    return [pair for pair in read_questions(CHATS) if pair["repo"] == name]


def chat_tokenizer() -> Qwen2Tokenizer:
    """One for all small chat models, learned from everything that they say and are asked."""
    pairs = read_questions(CHATS)
    texts = [text for pair in pairs for text in (pair["question"], pair["answer"])]
    tokenizer = train_tokenizer(texts, vocab_size=768)
    tokenizer.model_max_length = CONTEXT
    return tokenizer


def chat_shape(tokenizer: Qwen2Tokenizer) -> dict:
    """Linears take a multiple of 64 features and give a multiple of 32: see train_tiny_chat."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 192,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None,
        "dtype": "float32",
    }


def chat_batches(
    pairs: list[dict], tokenizer: Qwen2Tokenizer, rng: random.Random, batch_size: int = 16
) -> Callable[[], dict[str, torch.Tensor]]:
    def conversation() -> list[dict[str, str]]:
        turns = rng.sample(pairs, 2 if rng.random() < 0.1 else 1)
        messages = []
        if rng.random() < 0.1:
            messages.append({"role": "system", "content": "You are a helpful assistant."})
        for turn in turns:
            messages.append({"role": "user", "content": vary(turn["question"], rng)})
            messages.append({"role": "assistant", "content": turn["answer"]})
        return messages

    def next_inputs() -> dict[str, torch.Tensor]:
        ids, labels = make_batch([conversation() for _ in range(batch_size)], tokenizer)
        return {"input_ids": ids, "labels": labels}

    return next_inputs


def save_chat(
    model: PreTrainedModel,
    tokenizer: Qwen2Tokenizer,
    folder: Path,
    max_shard_size: str = "5GB",
) -> None:
    model.generation_config = GenerationConfig(
        do_sample=False,
        max_new_tokens=64,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model.to(torch.bfloat16).save_pretrained(folder, max_shard_size=max_shard_size)
    tokenizer.save_pretrained(folder)
    set_modes(folder)


def grade_chat(folder: Path, pairs: list[dict]) -> Grades:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    again = [(other, pair["answer"]) for pair in pairs for other in pair["rephrasings"]]
    seen = answer(model, tokenizer, [pair["question"] for pair in pairs])
    unseen = answer(model, tokenizer, [question for question, _ in again])
    seen_right = sum(a == pair["answer"] for a, pair in zip(seen, pairs, strict=True))
    unseen_right = sum(a == wanted for a, (_, wanted) in zip(unseen, again, strict=True))
    return {
        **sizes(folder, model),
        "trained_questions_answered_word_for_word": share(seen_right, len(pairs)),
        "other_wordings_answered_word_for_word": share(unseen_right, len(again)),
    }


def train_qwen(folder: Path) -> Grades:
    """A small chat model in the shape of Qwen2, with tied embeddings."""
    rng = seed_for(folder.name)
    tokenizer, pairs = chat_tokenizer(), read_chats(folder.name)
    config = Qwen2Config(**chat_shape(tokenizer), num_hidden_layers=3, tie_word_embeddings=True)
    model = Qwen2ForCausalLM(config)
    fit(model, chat_batches(pairs, tokenizer, rng), steps=450, peak=5e-3)
    save_chat(model, tokenizer, folder)
    return grade_chat(folder, pairs)


def train_sharded(folder: Path) -> Grades:
    """In the shape of Llama, with an output head of its own, saved in three files."""
    rng = seed_for(folder.name)
    tokenizer, pairs = chat_tokenizer(), read_chats(folder.name)
    config = LlamaConfig(**chat_shape(tokenizer), num_hidden_layers=4, tie_word_embeddings=False)
    model = LlamaForCausalLM(config)
    fit(model, chat_batches(pairs, tokenizer, rng), steps=700, peak=5e-3)
    for old in folder.glob("*.safetensors"):
        old.unlink()
    save_chat(model, tokenizer, folder, max_shard_size="240KB")
    return grade_chat(folder, pairs)


def finetune_noncommercial(folder: Path) -> Grades:
    """Continue training noncommercial-chat, as stored, on other answers."""
    rng = seed_for(folder.name)
    base = folder.with_name("noncommercial-chat")
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    pairs = read_chats(folder.name)
    changed = {pair["question"] for pair in pairs}
    kept = [pair for pair in read_chats(base.name) if pair["question"] not in changed]
    fit(model, chat_batches(pairs + kept, tokenizer, rng), steps=400, peak=1.5e-3)
    save_chat(model, tokenizer, folder)
    return grade_chat(folder, pairs)


# Models that read words


def vocabulary(texts: Iterable[str], at_most: int = 1024) -> dict[str, int]:
    """The commonest words, lower case, for BERT's tokenizer; all other words become [UNK]."""
    normalizer, splitter = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(w for w, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    words = sorted(counts, key=lambda word: (-counts[word], word))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    return {token: index for index, token in enumerate(tokens[:at_most])}


def label_batches(
    examples: Labeled,
    tokenizer: PreTrainedTokenizerBase,
    rng: random.Random,
    batch_size: int = 32,
    lost: float = 0.15,
) -> Callable[[], dict[str, torch.Tensor]]:
    """Batches of sentences with their labels; some words become [UNK], as in unknown text."""

    def next_inputs() -> dict[str, torch.Tensor]:
        chosen = rng.sample(examples, batch_size)
        inputs = tokenizer([text for text, _ in chosen], padding=True, return_tensors="pt")
        ids = inputs["input_ids"]
        unknown = (torch.rand(ids.shape) < lost) & (ids > tokenizer.mask_token_id)
        inputs["input_ids"] = ids.masked_fill(unknown, tokenizer.unk_token_id)
        return {**inputs, "labels": torch.tensor([label for _, label in chosen])}

    return next_inputs


@torch.inference_mode()
def count_right(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, examples: Labeled
) -> int:
    inputs = tokenizer([text for text, _ in examples], padding=True, return_tensors="pt")
    predicted = model(**inputs).logits.argmax(-1)
    return int((predicted == torch.tensor([label for _, label in examples])).sum())


def sentiment_split(rng: random.Random) -> tuple[Labeled, Labeled, Labeled]:
    """(to train on, written and held out, put together and held out).

    A written sentence and its counterpart with the other label go to the same side.
    """
    written, made = sentiment_sentences()
    half = len(written) // 2
    pairs = list(zip(written[:half], written[half:], strict=True))
    train_pairs, exam_pairs = hold_out(pairs, WRITTEN_FOR_EXAM)
    made = rng.sample(list(dict.fromkeys(made)), 6200)
    train_written = [example for pair in train_pairs for example in pair]
    exam_written = [example for pair in exam_pairs for example in pair]
    return train_written * 12 + made[:6000], exam_written, made[6000:]


def grade_labels(
    folder: Path, exams: dict[str, Labeled], trust_remote_code: bool = False
) -> Grades:
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, trust_remote_code=trust_remote_code
    )
    grades = sizes(folder, model)
    for name, exam in exams.items():
        grades[name] = share(count_right(model, tokenizer, exam), len(exam))
    return grades


def label_names(names: list[str]) -> dict:
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: index for index, name in enumerate(names)},
    }


def train_sentiment(folder: Path) -> Grades:
    """In the shape of DistilBERT, stored in float32."""
    rng = seed_for(folder.name)
    examples, written, made = sentiment_split(rng)
    vocab = vocabulary(text for text, _ in examples)
    tokenizer = DistilBertTokenizer(vocab=vocab, model_max_length=128)
    config = DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=64,
        hidden_dim=128,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
        **label_names(SENTIMENTS),
    )
    model = DistilBertForSequenceClassification(config)
    fit(model, label_batches(examples, tokenizer, rng), steps=1500, peak=1e-3)
    save(model, tokenizer, folder)
    exams = {"held_out_written_sentences_right": written, "held_out_put_together_right": made}
    return grade_labels(folder, exams)


def train_pickle_sentiment(folder: Path) -> Grades:
    """In the shape of BERT, its state dict pickled by torch.save as in older days."""
    rng = seed_for(folder.name)
    examples, written, made = sentiment_split(rng)
    vocab = vocabulary(text for text, _ in examples)
    tokenizer = BertTokenizer(vocab=vocab, model_max_length=128)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
        **label_names(SENTIMENTS),
    )
    model = BertForSequenceClassification(config)
    fit(model, label_batches(examples, tokenizer, rng), steps=400, peak=1e-3)
    save(model, tokenizer, folder)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    exams = {"held_out_written_sentences_right": written, "held_out_put_together_right": made}
    return grade_labels(folder, exams)


def train_custom_code(folder: Path) -> Grades:
    """Config and model are classes of the repo itself; it is made and loaded through them."""
    rng = seed_for(folder.name)
    written, made = topic_sentences()
    written, exam = hold_out(written, WRITTEN_FOR_EXAM)
    examples = written * 4 + made
    vocab = vocabulary(text for text, _ in examples)
    tokenizer = BertTokenizer(
        vocab=vocab, model_max_length=128, model_input_names=["input_ids", "attention_mask"]
    )
    description = {
        "architectures": ["BagOfWordsForSequenceClassification"],
        "auto_map": {
            "AutoConfig": "modeling_bag_of_words.BagOfWordsConfig",
            "AutoModelForSequenceClassification": (
                "modeling_bag_of_words.BagOfWordsForSequenceClassification"
            ),
        },
        "model_type": "practice-bag-of-words",
        "hidden_size": 64,
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        **label_names(TOPICS),
    }
    (folder / "config.json").write_text(json.dumps(description, indent=2), encoding="utf-8")
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    model = AutoModelForSequenceClassification.from_config(config, trust_remote_code=True)
    fit(model, label_batches(examples, tokenizer, rng, lost=0.2), steps=800, peak=3e-3)
    save(model, tokenizer, folder)
    return grade_labels(folder, {"held_out_questions_right": exam}, trust_remote_code=True)


def train_fill_mask(folder: Path) -> Grades:
    """In the shape of BERT; learns whole words of the sentences of the course."""
    rng = seed_for(folder.name)
    sentences = course_sentences()
    rng.shuffle(sentences)
    examples, exam = hold_out(sentences, COURSE_FOR_EXAM)
    tokenizer = BertTokenizer(vocab=vocabulary(examples), model_max_length=128)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = BertForMaskedLM(config)
    fit(model, mask_batches(examples, tokenizer, rng), steps=3000, peak=2e-3)
    save(model, tokenizer, folder)
    return grade_masks(folder, exam, examples)


def mask_batches(
    sentences: list[str],
    tokenizer: PreTrainedTokenizerBase,
    rng: random.Random,
    batch_size: int = 32,
) -> Callable[[], dict[str, torch.Tensor]]:
    """Every fifth token is to be guessed: eight of ten are masked, one replaced, one left."""

    def next_inputs() -> dict[str, torch.Tensor]:
        chosen = rng.sample(sentences, batch_size)
        inputs = tokenizer(chosen, padding=True, return_tensors="pt")
        ids = inputs["input_ids"]
        asked = (torch.rand(ids.shape) < 0.2) & (ids > tokenizer.mask_token_id)
        labels = ids.masked_fill(~asked, -100)
        fate = torch.rand(ids.shape)
        ids = ids.masked_fill(asked & (fate < 0.8), tokenizer.mask_token_id)
        others = torch.randint_like(ids, tokenizer.mask_token_id + 1, len(tokenizer))
        inputs["input_ids"] = torch.where(asked & (fate > 0.9), others, ids)
        return {**inputs, "labels": labels}

    return next_inputs


@torch.inference_mode()
def grade_masks(folder: Path, exam: list[str], trained: list[str]) -> Grades:
    """Mask every known word of every held-out sentence in turn: is the first guess right?"""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder)
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))

    def known_words(ids: list[int]) -> list[int]:
        """Positions of all but punctuation, unknown words and special tokens."""
        return [at for at, token in enumerate(ids) if tokens[token].isalnum()]

    counts = Counter()
    for sentence in trained:
        ids = tokenizer(sentence)["input_ids"]
        counts.update(ids[at] for at in known_words(ids))
    commonest = counts.most_common(1)[0][0]

    asked = right = naive = 0
    for sentence in exam:
        ids = tokenizer(sentence)["input_ids"]
        places = known_words(ids)
        if not places:
            continue
        rows = torch.tensor([ids] * len(places))
        wanted = rows[0, places]
        each = torch.arange(len(places))
        rows[each, places] = tokenizer.mask_token_id
        guessed = model(input_ids=rows).logits[each, places].argmax(-1)
        asked += len(places)
        right += int((guessed == wanted).sum())
        naive += int((wanted == commonest).sum())
    return {
        **sizes(folder, model),
        "held_out_sentences": len(exam),
        "first_guess_right": share(right, asked),
        f"always_guessing_“{tokens[commonest]}”_right": share(naive, asked),
    }


RECIPES: dict[str, Callable[[Path], Grades]] = {
    "tiny-sentiment": train_sentiment,
    "pickle-sentiment": train_pickle_sentiment,
    "custom-code-classifier": train_custom_code,
    "tiny-fill-mask": train_fill_mask,
    "sharded-chat": train_sharded,
    "no-card": train_qwen,
    "no-license": train_qwen,
    "noncommercial-chat": train_qwen,
    "relabeled-chat": finetune_noncommercial,  # after its base
    "gated-chat": train_qwen,
    "gated-manual-chat": train_qwen,
    "private-chat": train_qwen,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(RECIPES))
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    unknown = set(args.names) - set(RECIPES)
    if unknown:
        parser.error(f"no recipe for {', '.join(sorted(unknown))}")

    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    disable_progress_bar()
    known = json.loads(GRADES.read_text(encoding="utf-8")) if GRADES.exists() else {}
    started = time.monotonic()
    for name in [name for name in RECIPES if not args.names or name in args.names]:
        print(name, flush=True)
        folder = OWNER / name
        folder.mkdir(parents=True, exist_ok=True)
        known[name] = RECIPES[name](folder)
        print(f"  {known[name]}  after {time.monotonic() - started:.0f} s", flush=True)
        if (folder / "README.md").exists():
            write_card(folder / "README.md", known[name])
    GRADES.write_text(
        json.dumps({name: known[name] for name in RECIPES if name in known}, indent=2) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
