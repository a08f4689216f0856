"""The versions that Colab brings, by a listing of its image of 2026-08-19: the course's floors.

torch is not among them. Colab's is built for CUDA; what runs here takes the one of constraints.txt.
"""

COLAB = {
    "transformers": "5.15.0",
    "huggingface_hub": "1.27.0",
    "accelerate": "1.14.0",
    "ipywidgets": "7.7.1",
    "ipython": "7.34.0",
    "ipykernel": "6.17.1",
}
