"""The voice of one speaker with the codes of another."""
