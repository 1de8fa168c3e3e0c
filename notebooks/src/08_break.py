# %% [markdown]
# # 08 · Break it on purpose
#
# A picture shows what a part looks at. Only a break shows what it is good for.
#
# **Afterwards you can**
# 1. take a part away in three ways, and say what each of them asks;
# 2. rank attention heads by what they cost, with intervals;
# 3. explain why nothing happened, and give back what was broken.
#
# **You need** 04 and 07. **Minutes** 50. Runs offline on a laptop.

# %%
import math

import gsv_lab
from gsv_lab.evaluation.ablation import head_grid
from gsv_lab.hooks import mean, patch_from, probe, resample, zero
from gsv_lab.teaching.exercises import ablation as check
from gsv_lab.teaching.exercises.breaking import MIX, alignment_against_drop, follows_phones, mean_of, nats_per_code
from gsv_lab.teaching.exercises.excerpt import excerpts
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.widgets.ablation import AblationExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
parts = excerpts(lab, recording, most=4)
measure = nats_per_code(lab, parts)
clean = mean_of(measure)
print(f"{len(parts)} sentences. {parts[0].source}\nnano, given the true codes: {clean:.2f} nats per code")

# %% [markdown]
# ## Three ways to take something away
#
# The network is SemanticGPT, the measure its nats per true code, as in 04. What each attention head takes over from
# other steps passes a tap, `attention.mix` (`MIX` stands for those of all layers). An *ablation* replaces it:
#
# | edit | what remains | it asks |
# | --- | --- | --- |
# | `zero` | nothing, not even what is always there | is the head needed? |
# | `mean` | what is there on average, at every step alike | is it needed that it *changes* with the step? |
# | `resample` | true values, at wrong steps | is it needed that they come at the *right* step? |
#
# Zeros may be values that no later layer has ever met; then part of the harm comes from that alone.
#
# **Exercise 1.** Write `mean`: any tensor and the number of an axis -> the same shape, with nothing but the mean
# along that axis.


# %% tags=["exercise"]
def averaged(x, axis):
    # BEGIN SOLUTION: return None
    return x.mean(axis, keepdim=True).expand_as(x)
    # END SOLUTION


check.averaged(averaged)

# %%
for edit in (zero, mean, resample):
    with probe(lab, edits=[edit(MIX)]):
        print(f"{edit.__name__:8} all heads of all layers: {mean_of(measure) - clean:+.2f} nats")

# %% [markdown]
# **Exercise 2.** Is that much? Put it on a scale: 0 for no harm, 1 for as bad as `nothing`, the loss of somebody who
# knows nothing (every code alike likely: the logarithm of their number).


# %% tags=["exercise"]
def share_lost(clean, broken, nothing):
    # BEGIN SOLUTION: return None
    return (broken - clean) / (nothing - clean)
    # END SOLUTION


check.share_lost(share_lost)

# %% [markdown]
# ## Every head once
#
# Now one head at a time. Red costs, blue helps: some heads are better gone, at least for this recording.

# %% tags=["figure"]
grid = head_grid(lab, MIX, measure, draws=300)
grid.figure("nats")

# %% [markdown]
# ## A pretty picture is not a cause
#
# In 04 you saw a head that follows the phones. Is it the one that matters? To the right: heads that follow the text
# well. Upwards: heads that cost much. If following the text were what matters, the points would climb.

# %% tags=["figure"]
follows = follows_phones(lab, parts[0])
alignment_against_drop(grid, follows)

# %% [markdown]
# **Exercise 3.** Which heads *surely* cost something? A row has `head`, the cost `nats`, and its interval from
# `nats_low` to `nats_high`. Give the numbers of the heads whose whole interval lies above 0, the dearest first.


# %% tags=["exercise"]
def worth(rows):
    # BEGIN SOLUTION: return None
    sure = [row for row in rows if row["nats_low"] > 0]
    return [row["head"] for row in sorted(sure, key=lambda row: -row["nats"])]
    # END SOLUTION


check.worth(worth)

# %% [markdown]
# ## Nothing happened. Why?
#
# If a break costs nothing, the part may be useless. Or another part stands in for it: *redundancy*. Break both, and
# you know. Nano has a part that no head can replace: the monotonic alignment of 04, which gives each step its phone.
#
# **Exercise 4.** Four losses: clean, without A, without B, without both. By how much does the loss of both cost more
# than the two single costs added?


# %% tags=["exercise"]
def interplay(clean, without_a, without_b, without_both):
    # BEGIN SOLUTION: return None
    return without_both - without_a - without_b + clean
    # END SOLUTION


check.interplay(interplay)

# %% [markdown]
# The two heads that follow the text best, alone and together; then all heads, one at a time against all at once:

# %%
best = sorted(follows, key=lambda head: -follows[head])[:2]
costs = []
for gone in ([best[0]], [best[1]], best):
    with probe(lab, edits=[zero(tap, head=head) for tap, head in gone]):
        costs.append(mean_of(measure) - clean)
print(f"{best[0]}: {costs[0]:+.3f} nats\n{best[1]}: {costs[1]:+.3f} nats\nboth: {costs[2]:+.3f} nats")
with probe(lab, edits=[zero(MIX)]):
    print(f"all, added: {sum(row['nats'] for row in grid.rows):+.2f}, at once: {mean_of(measure) - clean:+.2f} nats")
if lab.components()["semantic_gpt"].max_advance:
    with probe(lab, edits=[zero("semantic_gpt.monotonic_alignment.phone")]):
        print(f"without the phone of the alignment: {mean_of(measure) - clean:+.2f} nats")
print(f"knowing nothing would cost {math.log(lab.components()['semantic_gpt'].n_codes) - clean:.2f} nats")

# %% [markdown]
# ## Give it back
#
# The other direction is *patching*: break an early tap, then put back, at a later one, what passed there in the clean
# run. What is repaired passes the later tap; what is still lost passes elsewhere.

# %%
taps = [f"semantic_gpt.layers.{number}.attention.mix" for number in (0, 1)]
one = nats_per_code(lab, parts[:1])
with probe(lab, *taps) as whole:
    start = mean_of(one)
with probe(lab, *taps, edits=[resample(taps[0])]) as broken:
    print(f"clean {start:.2f}, layer 0 broken {mean_of(one):.2f} nats")

# %% [markdown]
# **Exercise 5.** Layer 0 stays broken. Add an edit that gives layer 1, `taps[1]`, back what it was in the clean run:
# `patch_from(target, records)`.

# %% tags=["exercise"]
edits = [resample(taps[0])]
# BEGIN SOLUTION: edits += []
edits += [patch_from(taps[1], whole)]
# END SOLUTION
with probe(lab, *taps, edits=edits) as repaired:
    mean_of(one)
check.given_back(whole, broken, repaired)

# %% [markdown]
# Which layer brings most of it back?

# %%
with probe(lab, MIX) as untouched:
    mean_of(one)
for tap in [tap for tap in untouched if tap != taps[0]]:
    with probe(lab, edits=[resample(taps[0]), patch_from(tap, untouched)]):
        print(f"{tap} given back: {mean_of(one):.2f} nats")

# %% [markdown]
# ## Build your own break
#
# The grid again, for the first sentence. Choose heads that are gone already (several with Ctrl or Shift): which cost
# more now than before? Those stood in for the others. Which edit is the harshest?

# %% tags=["widget"]
explorer = AblationExplorer(lab, parts[:1])
explorer.view

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/hooks/edits.py`: nine ways to change what passes, each a line.
# - `gsv_lab/evaluation/ablation.py`: the grid; give it another measure, such as the mel of the speech.
# - `gsv_lab/evaluation/interventions.py`: breaks written down in a file, so that others can repeat them.
#
# Next: **09, Few-shot fine-tuning** (in preparation). Enough broken; now something is to get better.
