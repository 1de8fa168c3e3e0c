# %% [markdown]
# # 12 · Reproduce and ablate
#
# Documents say much of this system in numbers. What of it can be shown, and what would have to be done for the rest?
#
# **Afterwards you can**
# 1. tell a claim that can be measured from one that cannot, and find what a sketch does wrong before you build on it;
# 2. turn an interval into a verdict by a rule that was fixed before, and say what would settle a claim;
# 3. change one thing, register one contrast, and read a table of ablations without being fooled by its length.
#
# **You need** 08, and 10 and 11 for intervals. **Minutes** 75. **Difficulty** ●●○. **You will hear** nothing: today you read.
# Runs offline.

# %% tags=["setup"]
import numpy as np

from gsv_lab.evaluation.statistics.components import PLANNING
from gsv_lab.teaching.exercises import contrasts as checks
from gsv_lab.teaching.exercises import grid_views, reproducing, sketches
from gsv_lab.teaching.exercises import settling as check
from gsv_lab.teaching.page import noted
from gsv_lab.teaching.widgets.run_diff import RunDiff

grid = grid_views.load_grid()

# %% [markdown]
# ## What is said
#
# Five documents on GPT-SoVITS, in `configs/claims.yaml`: what they say in numbers, and how it could be measured.

# %%
reproducing.said()

# %% [markdown]
# Where they contradict each other, at most one of them can be right:

# %%
reproducing.contradictions()

# %% [markdown]
# A claim is *measurable as stated* if its sentence says enough for two strangers to measure the same thing. Whether it is
# cheap is another question, and whether it is true a third.
#
# **Exercise 1.** Which of these are **not** measurable as stated? A list of ids, out of `gpt-below-100m`,
# `mos-one-minute`, `vctk-similarity`, `characters-400-ms`, `latency-300-ms`, `pilot-27-percent`.

# %% tags=["exercise"]
# BEGIN SOLUTION: vague = None
vague = ["vctk-similarity", "latency-300-ms", "pilot-27-percent"]
# END SOLUTION

card = check.measurable(vague)
card

# %% [markdown]
# ## Programs that nobody ran
#
# The documents sketch programs, too. Here is one in our own words, with four faults of theirs, each in one line.

# %%
print(sketches.numbered())

# %% [markdown]
# **Exercise 2.** Read it as a reviewer would: shapes first, then who did what already. The numbers of the four lines?

# %% tags=["exercise"]
# BEGIN SOLUTION: lines = None
lines = [5, 10, 13, 15]
# END SOLUTION

card = check.faults(lines)
card

# %% [markdown]
# What settles it is to run them. (The answer to exercise 2 is below.)

# %%
sketches.tried()

# %% [markdown]
# ## One rule
#
# A claim accepts numbers from `least` to `most`; where it has one end only, the other is infinite. What is measured is an
# interval $[\ell, h]$. *Supported*: all of it is accepted. *Contradicted*: none of it can be, since both ends lie beyond, on
# the same side. Else *inconclusive*. A count is its own interval, $\ell = h$.
#
# **Exercise 3.** Write it: -> "supported", "contradicted" or "inconclusive".


# %% tags=["exercise"]
def verdict(low, high, least, most):
    # BEGIN SOLUTION: return None
    if least <= low and high <= most:
        return "supported"
    if high < least or low > most:
        return "contradicted"
    return "inconclusive"
    # END SOLUTION


card = check.decided(verdict)
card

# %% [markdown]
# Now decide what can be decided here, by the functions of `gsv-lab reproduce`: parameters and bytes of the released sizes,
# counted from their configurations, and SI-SNR of a perfect copy that begins 0.5 ms later, which the documents want as a
# gate. Which of these do you expect to hold?

# %%
rule, whose = check.decided.built(verdict, reproducing.verdict)
with noted():
    found = reproducing.live("reproduced")
print(f"The rule is {whose}. Page: {found.folder / 'report.html'}")
reproducing.decided(found, rule)

# %% [markdown]
# All claims. What was not measured just now is from a whole run, with parts of LJ Speech and VCTK (`docs/claims.md`).

# %% tags=["figure"]
verdicts = reproducing.verdicts(found)
print(reproducing.counts(verdicts))
reproducing.verdict_figure(verdicts)

# %% [markdown]
# Most marks are grey, and that is the result: most sentences are neither shown nor refuted. *Not measured* names what is
# missing; *not measurable* has, where there is one, the nearest claim that can be measured, with a verdict of its own.
#
# ## What would settle it
#
# "MOS 4.0 or more" needs a lower bound above 4.0. With $K$ raters, $M$ sentences, $m$ of them heard by each rater:
#
# $$ \text{SE}^2 = \frac{\text{rater}^2 + \text{rater.system}^2}{K} + \frac{\text{stimulus}^2}{M} +
# \frac{\text{residual}^2}{K m} $$
#
# **Exercise 4.** Which MOS must be *seen* so that the one-sided 95 % bound (1.645 SE below it) is 4.0? `c` has `c.rater`,
# `c.rater_system`, `c.stimulus`, `c.residual`; `each` is $m$.


# %% tags=["exercise"]
def to_claim(raters, sentences, each, c):
    # BEGIN SOLUTION: return None
    square = (c.rater**2 + c.rater_system**2) / raters + c.stimulus**2 / sentences
    return 4 + 1.645 * np.sqrt(square + c.residual**2 / (raters * each))
    # END SOLUTION


card = check.to_claim(to_claim)
card

# %%
needed, whose = check.to_claim.built(to_claim, reproducing.to_claim)
print(f"The plan is {whose}; deviations of 26,660 votes.")
reproducing.sizes(needed, PLANNING)

# %% [markdown]
# ## Change one thing
#
# Claims about *parts* ("the flow is needed") are settled by ablations: a configuration, an *overlay* that changes one
# thing of it, both trained with several seeds and measured on the same clips. Overlays are YAML.
#
# **Exercise 5.** Write one for `configs/synthetic/sovits.yaml`, as text. (Dots may stand for tables inside of tables.)

# %% tags=["exercise"]
# BEGIN SOLUTION: overlay = None
overlay = "task.init_args.weights.kl: 1.0"
# END SOLUTION

with noted():
    base = grid_views.load_base()
card = checks.own_overlay(overlay, base)
card

# %% [markdown]
# To train it with three seeds takes a while, so here is a grid that was made before. What it compares, and by which measure,
# was written down before anything was trained:

# %%
print(grid_views.facts(grid))
grid_views.arms(grid)

# %% [markdown]
# ## Before you look
#
# Some of many numbers always look like something. So *register* one contrast: its ablation, its one measure, and which way
# the number will go. (In all measures but `accuracy` and `similarity` lower is better.)
#
# **Exercise 6.** `{"ablation": ..., "measure": ..., "expect": "higher"}` or `"lower"`, than the base.

# %% tags=["exercise"]
# BEGIN SOLUTION: contrast = None
contrast = grid_views.usual(grid)  # what you expect is yours to say; this is the first row, getting worse
# END SOLUTION

card = checks.registered(contrast, grid)
card

# %%
registered, whose = checks.registered.built(contrast, grid_views.usual(grid), contrast, grid)
print(f"Registered ({whose}): {registered}\nIts hash: {reproducing.fingerprint(registered)}")
grid_views.settled(grid, registered)

# %% [markdown]
# That was one test, and it counts as it is. The table below asks one for each ablation. With $M$ of them, at 0.05 each, one
# in twenty is "found" where nothing is. *Holm* (1979): sort, multiply the smallest p by $M$, the next by $M - 1$, and so on;
# never let one fall below the one before it, or rise above 1.
#
# **Exercise 7.** `p` (M,) -> corrected (M,), in the same order.


# %% tags=["exercise"]
def holm(p):
    # BEGIN SOLUTION: return None
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(1, steps)
    return out
    # END SOLUTION


card = checks.corrected(holm)
card

# %%
correct, whose = checks.corrected.built(holm, grid_views.holm)
print(f"The correction is {whose}.\n{grid_views.summed_up(grid, correct)}")
grid_views.table(grid, correct)

# %% tags=["figure"]
grid_views.forest(grid, correct)

# %% [markdown]
# Filled: more than chance, by the corrected p. Hollow is *not shown*, which is not "no effect" (notebook 11): see how far its
# interval reaches. Few seeds know little: a mean may move more from seed to seed than by an ablation.
#
# ## Two runs
#
# What two runs differ in, and by how much, on the same speakers with the same seeds.

# %% tags=["widget"]
explorer = RunDiff(grid)
explorer.view

# %% [markdown]
# Speakers agree more or less; seeds, too. With `off` (P, S), the difference of speaker and seed, and the mean squares
# $Q_s = S \, \text{var}$ of the speakers' means, $Q_r = P \, \text{var}$ of the seeds' means, and $Q_0$ of what is left
# (squares summed, over $(P-1)(S-1)$): $\; \text{SE}^2 = \max(Q_s + Q_r - Q_0,\, Q_s,\, Q_r) / (P S)$.
#
# **Exercise 8, stretch.** `off` (P, S) -> SE.


# %% tags=["exercise"]
def crossed(off):
    # BEGIN SOLUTION: return None
    (P, S), rows, columns = off.shape, off.mean(1), off.mean(0)
    rest = ((off - rows[:, None] - columns + off.mean()) ** 2).sum() / ((P - 1) * (S - 1))
    speakers, seeds = S * rows.var(ddof=1), P * columns.var(ddof=1)
    return np.sqrt(max(speakers + seeds - rest, speakers, seeds) / off.size)
    # END SOLUTION


card = checks.crossed(crossed)
card

# %% [markdown]
# ## A report that can be checked
#
# Who doubts a report must be able to see that it rests on what it names. So everything has its hash, and a second run must
# give the same bytes; what a clock says stands in a file of its own.

# %%
reproducing.hashes(found, registered)

# %% [markdown]
# ## Further reading
#
# - Nosek et al. 2018, "The preregistration revolution", PNAS 115, 2600 to 2606. Bouthillier et al. 2021,
#   [arXiv:2103.03098](https://arxiv.org/abs/2103.03098): what of a difference between two trainings is chance.
# - `gsv_lab/evaluation/claims/rule.py`, `gsv_lab/evaluation/statistics/replicates.py`; `docs/claims.md` claim by claim,
#   `docs/ablations.md` for a grid of your own.
#
# Next: your own question. One change, one contrast written down, `gsv-lab ablate`, one page with two sounds.
