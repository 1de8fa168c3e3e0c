"""Weights on disk: one `.safetensors` file a component, with its resolved spec in the header."""

from __future__ import annotations

from gsv_lab.checkpoint.native import file_fingerprint, fingerprint, load_component, read_header, save_component

__all__ = ["file_fingerprint", "fingerprint", "load_component", "read_header", "save_component"]
