"""Tests of files of votes."""
