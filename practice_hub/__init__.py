"""A small server that speaks the Hugging Face Hub's protocol, for lessons and for planes."""

from practice_hub.server import PracticeHub

__all__ = ["PracticeHub"]
