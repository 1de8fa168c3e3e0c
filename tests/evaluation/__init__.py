"""Tests of gsv_lab.evaluation."""
