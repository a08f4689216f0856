"""The exercises of each lesson: ``lesson_NN.py`` holds a tuple ``EXERCISES``."""
