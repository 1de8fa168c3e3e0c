"""Listening tests without a server: made from clips, answered in a notebook or in a page that runs from a file.

    from gsv_lab.evaluation import listening

    listening.make("clips.csv", "my_test", "mushra", raters=20, seed=3)
    ...                                          # raters listen: ListeningPanel("my_test"), or my_test/panel.html
    votes = listening.read_results(["my_test/votes.sqlite", "results_3f.json"], "my_test/key.json")

`methods` says what there is to ask, `design` who hears what, `stimuli` makes the sounds comparable, `making` writes it
all down. The panel (`panel/*.js`) is the one implementation of what a rater may do; `events` checks what arrives from
it, `store` keeps it, `desk` answers its messages, and `votes` reads it back under the key. `clips.clips_of` takes the
systems of an evaluation.
"""

from gsv_lab.evaluation.listening.making import Decisions, Options, make
from gsv_lab.evaluation.listening.votes import read_results, write_votes

__all__ = ["Decisions", "Options", "make", "read_results", "write_votes"]
