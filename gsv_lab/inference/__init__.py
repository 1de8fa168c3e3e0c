"""Composition: parts put together to models. The parts themselves live in `gsv_lab.nn`."""
