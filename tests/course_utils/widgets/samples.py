"""Names that are hard to draw, and what is known of a PNG."""

from __future__ import annotations

GIB = 2**30
NASTY = "<img src=x onerror=alert(1)>/&amp;\"'$\\x^{2}$"
LONG = "owner/" + "n" * 294
SEVEN = "Qwen/Qwen2.5-7B-Instruct"
PNG = b"\x89PNG\r\n\x1a\n"
