"""``python -m practice_hub.published.unpack FILE.gguf FOLDER``: packed weights to 16 bits.

Runs as a process of its own: the libraries that it needs read the Hub's address when they are
imported, and a kernel has not chosen its Hub yet when it fetches a model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

OF_THIS_MACHINE = ("_name_or_path", "_model_name_or_path", "is_local", "local_files_only")


def unpack(gguf: Path, folder: Path) -> None:
    """Write the model and tokenizer of a GGUF file as ``save_pretrained`` does, in bfloat16."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in (folder / "config.json", folder / "tokenizer_config.json"):
        forget(path, OF_THIS_MACHINE)


def forget(path: Path, names: tuple[str, ...]) -> None:
    kept = {
        name: value for name, value in json.loads(path.read_text()).items() if name not in names
    }
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
