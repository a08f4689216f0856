"""Masks what nobody else may read in a text: tokens, keys, passwords in addresses."""

from __future__ import annotations

import os
import re

MASK = "…"
SHORTEST = 8  # characters of a token in the environment; shorter ones would mask words
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_TOKEN")

# Names in code that begin as a token does: hf_hub_download, hf_device_map, hf_xet.
NAMES = r"xet|transfer|tokens?|api|home|hub|model|config"
NO_TOKEN = rf"(?!(?-i:hf_(?:[a-z]+(?:_[a-z]+)+|{NAMES}))\b)"

# Each keeps what stands in its first group, so that a reader sees what kind of secret was there.
SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{NO_TOKEN}(hf_|api_org_|hf_oauth_|ghp_|github_pat_|sk-)[A-Za-z0-9][\w-]{{3,}}",
        r"(\b(?:bearer|basic)\s+)(?!error|token\b|auth|realm)[^\s'\",;)}\]]{4,}",
        r"(\bauthorization['\"]?\s*[:=]\s*['\"]?(?:bearer\s+|basic\s+|b['\"])?)[^\s'\",;)}\]…]{4,}",
        r"(\b\w*(?:token|api_key|apikey|password|passwd|secret)['\"]?\s*=\s*['\"]?)"
        r"(?!None|True|False|hf_…)[^\s'\",;&)}\]…]{8,}",
        r"(\b(?:HF|HUGGING)[A-Z_]*TOKEN['\"]?\s*:\s*['\"]?)[^\s'\",;&)}\]…]{8,}",
        r"(://)[^/\s@:]+:[^/\s@]+(?=@)",
        r"([?&](?:[\w-]*signature|[\w-]*credential|[\w-]*token|sig|key)=)[^&\s'\"]+",
    )
)


def mask_secrets(text: str) -> str:
    """The text with each secret cut down to its first letters and "…"."""
    for value in filter(None, map(os.environ.get, VARIABLES)):
        if len(value) >= SHORTEST:
            text = text.replace(value, MASK)
    for secret in SECRETS:
        text = secret.sub(rf"\1{MASK}", text)
    return text
