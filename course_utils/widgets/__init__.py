"""Widgets: each draws what the functions of this package return, and knows nothing of its own."""
