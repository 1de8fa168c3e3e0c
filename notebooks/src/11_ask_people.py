# %% [markdown]
# # 11 · Ask people
#
# A number stands for ears until somebody asks the ears. This notebook asks them, and counts honestly.
#
# **Afterwards you can**
# 1. plan a listening test: who hears what beside what, how loud, with which checks;
# 2. give a mean vote an interval over people *and* sentences, and say how many of both a claim needs;
# 3. tell "no difference was found" from "equal", and delete a rater who asks for it.
#
# **You need** 10: a t interval, the difference of two systems. **Minutes** 75. **Difficulty** ●●○. **You will hear** a
# sentence, its copy by nano, the same sentence zero-shot, and two anchors. Runs offline; nothing leaves your machine.

# %% tags=["setup"]
import math

import numpy as np

import gsv_lab
from gsv_lab.evaluation import listening
from gsv_lab.evaluation.statistics.components import PLANNING
from gsv_lab.teaching.exercises import asking, opinions
from gsv_lab.teaching.exercises import decisions as checks
from gsv_lab.teaching.exercises import listeners as check
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.page import heard, noted
from gsv_lab.teaching.widgets.listening import ListeningTests

place = "ask_people"
lab = gsv_lab.load()
with noted():
    clips = asking.conditions(lab, find_speech(), place)
tests = asking.tests(clips, place)

# %% [markdown]
# ## In which order?
#
# Raters tire, and a good clip makes the next one sound worse. So orders change from rater to rater: in a *Latin square*
# every system stands once in each row (a rater) and once in each column (a place). A *balanced* one (Williams 1949) also
# lets every system follow each other one once.
#
# **Exercise 1.** By hand: four rows of A, B, C, D, balanced, as `["....", "....", "....", "...."]`.

# %% tags=["exercise"]
# BEGIN SOLUTION: square = None
square = ["ABDC", "BCAD", "CDBA", "DACB"]
# END SOLUTION

card = check.square(square)
card

# %% [markdown]
# ## What is heard
#
# Three conditions of `gsv-lab evaluate --conditions`: the recording; its *copy synthesis* (posterior and vocoder); the
# same text *zero-shot*, in a voice cloned from another sentence. Here as they were made, each at its own level.

# %%
print(clips.source)
heard(None, asking.first(clips))

# %% [markdown]
# **Exercise 2.** What is louder is liked better, so all clips get one level: a root mean square of −26 dB of full scale,
# where an RMS of 1 is 0 dB. By which factor must a `wave` (T,) be multiplied to have the RMS `level`, in dB?


# %% tags=["exercise"]
def gain(wave, level):
    # BEGIN SOLUTION: return None
    return 10 ** (level / 20) / np.sqrt((wave**2).mean())
    # END SOLUTION


card = check.gain(gain)
card

# %% [markdown]
# `listening.make` brings clips to one level, sample rate, bandwidth and silence at the edges, and hides which is which
# behind numbers. Level of the speech in the first sentence:

# %%
asking.levels(clips, tests["MUSHRA"])

# %% [markdown]
# *Anchors* are clips of known badness: they fix the lower end of the scale, and show who does not listen. `lp35` has
# nothing above 3.5 kHz (ITU-R BS.1534); in `mnru` noise follows the speech 10 dB below it (ITU-T P.810).

# %%
heard(None, asking.anchors_heard(tests["MUSHRA"]))

# %% [markdown]
# ## Your turn
#
# **ACR**: one clip, 1 to 5; the mean is the *MOS*. **MUSHRA**: all systems of a sentence side by side, 0 to 100, the
# reference hidden among them. **ABX**: X is A or B; which? With mouse or keys; stop when you like, nothing waits for you.
# Each answer is in `ask_people` before it is shown as taken. One ACR page ends in tones: their number is the answer.

# %% tags=["widget"]
explorer = ListeningTests(tests)
explorer.view

# %% [markdown]
# You are one rater. So a *simulated panel* of 24 answers, too, through the same store. What it thinks of each system is
# known, and one of them gives any answer. Does the test find what the panel thinks? (5 in ACR is 100 in MUSHRA, 1 is 0; who
# recognises the hidden reference gives it 100.)

# %%
print(asking.simulate(tests))
explorer.draw()
asking.results(tests)

# %% [markdown]
# ## Whose interval?
#
# Who is strict is strict in all votes, and a sentence that turned out well is liked by all. So $N$ votes of $R$ raters on
# $I$ items are not $N$ draws. With $w = (y - \bar y)/N$ of each vote $y$ (Cameron, Gelbach and Miller 2011):
#
# $$ \text{SE}^2 = \frac{R}{R-1} \sum_{r} \Big(\sum_{\text{votes of } r} w\Big)^2 + \frac{I}{I-1} \sum_{i}
# \Big(\sum_{\text{votes on } i} w\Big)^2 - \sum w^2 $$
#
# **Exercise 3.** Write it: `score`, `rater`, `item` (N,) -> SE.


# %% tags=["exercise"]
def error(score, rater, item):
    # BEGIN SOLUTION: return None
    w = (score - score.mean()) / len(score)
    total = -(w**2).sum()
    for names in (rater, item):
        own = np.array([w[names == name].sum() for name in np.unique(names)])
        total += len(own) / (len(own) - 1) * (own**2).sum()
    return np.sqrt(total)
    # END SOLUTION


card = check.error(error)
card

# %% [markdown]
# 200 simulated tests of a system whose true MOS is 3.5: 50 new raters, 20 new sentences each. A 95 % interval should hold
# the truth in 95 of 100. Predict: which of the four does?

# %% tags=["figure"]
rule, whose = check.error.built(error, opinions.two_way_error)
opinions.coverage_figure(rule, f"The two-way error is {whose}.")

# %% [markdown]
# *Votes* takes all votes for independent, as published tables often do, and promises far too much. *Raters* speaks of
# these sentences only, *items* of these people only.
#
# ## Real votes
#
# 21 people rated seven speech codecs. *Screening* leaves out who does not hear what is there, by a rule that was fixed
# before: in MUSHRA, who rates the hidden reference below 90 in more than 15 % of its items.
#
# **Exercise 4.** `rater`, `system` (N,) names, `score` (N,) -> names of raters to leave out. It is called `Reference`.


# %% tags=["exercise"]
def left_out(rater, system, score):
    # BEGIN SOLUTION: return None
    own = {name: score[(rater == name) & (system == "Reference")] for name in np.unique(rater)}
    return [str(name) for name, votes in own.items() if (votes < 90).mean() > 0.15]
    # END SOLUTION


card = check.left_out(left_out)
card

# %%
print(opinions.CREDIT)
real = opinions.real_votes()
rule, whose = check.left_out.built(left_out, opinions.left_out)
away = rule(*opinions.columns(real))
print(f"The rule is {whose}.")
opinions.screened(real, away)

# %% [markdown]
# The authors left out the same two. Do the others agree? Correlations of raters, by what they think of the codecs:

# %% tags=["figure"]
opinions.agreement_figure(real)

# %%
opinions.camps(real, ["1", "6", "9", "15", "17", "21"])

# %% [markdown]
# Two camps. Fifteen people put the versions at 16 kHz 8 and 16 points below the same codec with its upper band; six put
# them level with it. Both raters whom the rule leaves out are among the six. A mean over two tastes is nobody's opinion, so
# look at the votes, too. (This was seen afterwards, by looking: a question for the next test, no finding.)
#
# ## How many?
#
# With $K$ raters who judge all $M$ sentences, two MOS differ by chance with (deviations of 26,660 votes in `PLANNING`)
#
# $$ \text{SE}^2 = 2 \Big( \frac{\text{rater.system}^2}{K} + \frac{\text{stimulus}^2}{M} + \frac{\text{residual}^2}{K M}
# \Big), $$
#
# and a difference is found in 80 % of all tests if it is 2.8 SE (1.96 for the test, 0.84 for the 80 %).
#
# **Exercise 5.** Fewest raters: `needed(difference, sentences, c)`, with `c.rater_system`, `c.stimulus`, `c.residual`;
# `math.inf` where the sentences alone are too few.


# %% tags=["exercise"]
def needed(difference, sentences, c):
    # BEGIN SOLUTION: return None
    left = (difference / 2.8) ** 2 / 2 - c.stimulus**2 / sentences
    return math.ceil((c.rater_system**2 + c.residual**2 / sentences) / left) if left > 0 else math.inf
    # END SOLUTION


card = checks.needed(needed)
card

# %%
rule, whose = checks.needed.built(needed, opinions.needed)
print(f"The plan is {whose}.")
opinions.raters_table(rule, PLANNING)

# %% [markdown]
# ## Heard at all?
#
# ABX asks for nothing but a difference. Who hears none guesses, and is right in half of the answers. (Those of one rater
# are alike: `gsv-lab ratings` gives an interval over raters, too.)
#
# **Exercise 6.** How likely are `right` or more right answers of `n` by guessing? (`math.comb` counts.)


# %% tags=["exercise"]
def by_chance(right, n):
    # BEGIN SOLUTION: return None
    return sum(math.comb(n, k) for k in range(right, n + 1)) / 2**n
    # END SOLUTION


card = checks.by_chance(by_chance)
card

# %%
rule, whose = checks.by_chance.built(by_chance, opinions.by_chance)
print(f"The chance is {whose}.")
opinions.told_apart(tests["ABX"], rule)

# %% [markdown]
# ## Not different is not equal
#
# A large p says that little was measured. "Equal" needs a *margin*, chosen before, and two one-sided t tests (TOST,
# Schuirmann 1987): the mean difference is surely above −margin, and surely below +margin.
#
# **Exercise 7.** `off` (n,) differences of raters, `margin`, and `tail(t, degrees)`, the chance of a larger t -> the larger
# p of the two.


# %% tags=["exercise"]
def equal(off, margin, tail):
    # BEGIN SOLUTION: return None
    error = off.std(ddof=1) / np.sqrt(len(off))
    above, below = (margin + off.mean()) / error, (margin - off.mean()) / error
    return max(tail(above, len(off) - 1), tail(below, len(off) - 1))
    # END SOLUTION


card = checks.equal(equal)
card

# %%
rule, whose = checks.equal.built(equal, opinions.equal)
print(f"The test is {whose}. Raters left out: {', '.join(away)}. Margin: 5 points.")
opinions.differences(real.without(away), rule)

# %% [markdown]
# The first pair differs. Of the second nobody knows: neither different nor equal was shown. The third is equal within 5.
#
# **Exercise 8, stretch.** Votes on two systems, `first` and `second`, each (rater, item) -> vote, some missing -> second
# minus first over the votes that both have, and its two-way error (`opinions.two_way_error(off, rater, item)`).


# %% tags=["exercise"]
def matched(first, second):
    # BEGIN SOLUTION: return None
    both = [key for key in first if key in second]
    off = np.array([second[key] - first[key] for key in both])
    rater, item = np.array(both).T
    return off.mean(), opinions.two_way_error(off, rater, item)
    # END SOLUTION


card = checks.matched(matched)
card

# %% [markdown]
# ## Export and delete
#
# Votes become a table under the key, which says what each number stood for; no panel ever reads it. Then one more simulated
# rater answers, and asks to be forgotten: a rater is a random number, and with it everything goes.

# %%
folder = tests["ACR"]
rows = listening.read_results([folder / "votes.sqlite"], folder / "key.json")
table = listening.write_votes(rows, f"{place}/acr.csv")
print(f"{table}: {len(rows)} votes; the first is {rows[0]['score']}, for {rows[0]['system']}")
asking.forgotten(folder)

# %% [markdown]
# ## Further reading
#
# - Wester, Valentini-Botinhao and Henter 2015, "Are we using enough listeners? No!", Interspeech, pages 3476 to 3480.
#   Varadhan et al. 2024, [arXiv:2411.12719](https://arxiv.org/abs/2411.12719): MUSHRA and modern synthesis.
# - `gsv_lab/evaluation/listening/design.py`, `gsv_lab/evaluation/statistics/crossed.py`; `docs/listening_tests.md` for a test
#   of your own, `docs/ratings.md` for its votes.
#
# Next: a test of your own, with people who agree to it: `gsv-lab listening make`.
