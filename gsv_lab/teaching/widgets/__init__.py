"""Explorers: small panels with controls that redraw a picture or a player. One explorer a file; see `explorer.py`."""
