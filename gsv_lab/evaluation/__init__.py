"""Objective evaluation of any system's speech: folders of waves and a list in, tables with intervals out.

    test_list = read_list("list.csv")
    measures, absent = measures_for(test_list.items, whisper="models")
    results = evaluate(["theirs", "ours"], test_list, "results", measures=measures, absent=absent)

`lists` and `protocols` read what is to be said. `systems` gives the waves of a folder, of the list's recordings, or of
a loaded model's `conditions`. `measures` has one file a family of measures, and `evaluators` says which of them an
installation can make. `cells` measures and remembers, `tables` and `statistics` turn values into figures and
differences with intervals, `evaluate` writes it all down, and `report` draws it. `hard` looks for skipped and repeated
words. Evaluators are loaded on use, and none of them serves training or selection. `ratings` has what people say, and
`claims` what is claimed of the system, with verdicts.
"""
