"""Intervals, differences and error rates of what was measured."""
