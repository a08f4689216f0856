"""Where the parts of the checkout lie."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

HELD = ROOT / "practice_hub" / "held"
