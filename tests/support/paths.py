"""Where the parts of the checkout lie."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "practice_hub" / "catalogue"
HELD = ROOT / "practice_hub" / "held"
