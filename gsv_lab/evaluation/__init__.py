"""Objective evaluation: is it intelligible, whose voice is it, how does it sound, does the melody fit.

    items = read_list("evaluation_list.csv")
    result = evaluate_list(items, rungs, measures, log=Path("run.jsonl"))

`lists` reads test lists, `intelligibility`, `similarity`, `quality` and `prosody` measure one clip, `rungs` names the
ways from a target to a wave, `ladder` runs them over a list, `tables` and `statistics` turn rows into numbers with
intervals, `report` writes them down. Every evaluator is imported on use; none of them serves training or selection.
"""
