"""Objective evaluation: intelligibility, speaker similarity, sound quality and prosody of made speech.

    test_list = read_list("evaluation_list.csv")
    result = evaluate_list(test_list, conditions, measures, log=Path("run.jsonl"))

`lists` reads test lists. `intelligibility`, `similarity`, `quality` and `prosody` measure one clip. `conditions` are
the ways from a target to a wave, and `comparison` runs them over a list. `tables` and `statistics` turn rows into
numbers with intervals, and `report` writes them down. Evaluators are imported on use, and none of them serves training
or selection.
"""
