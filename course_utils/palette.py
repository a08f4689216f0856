"""The colours of everything that is drawn: widgets, pictures and charts take them from here."""

from __future__ import annotations

# Mid tones, told apart by the colour-blind, and legible on a light page as on a dark one.
COLOURS = {
    "others": "#767676",
    "weights": "#0072b2",
    "besides": "#8c7a00",
    "cache": "#d55e00",
    "states": "#c2405a",
    "attention": "#3d7a2a",
    "activations": "#009e73",
    "runtime": "#a65a95",
}

# For verdicts. White is legible on each.
YES, IF, NO, UNSURE = "#00805f", "#b85c00", "#d32f2f", "#6b6b6b"

# What turns with the page: paper, writing, quieter writing, thin lines.
LIGHT = {"paper": "#ffffff", "ink": "#1a1a1a", "soft": "#595959", "rule": "#8a8a8a"}
DARK = {"paper": "#1c1c1e", "ink": "#f0f0f0", "soft": "#b8b8b8", "rule": "#8a8a8a"}
