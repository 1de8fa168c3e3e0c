# %% [markdown]
# # 08 · Break it on purpose
#
# A picture shows where a part looks. Only a break shows what it is good for.
#
# **Afterwards you can**
# 1. take a part away in three ways, and say what each of them asks;
# 2. rank attention heads by what they cost, with intervals, and name one that costs nothing;
# 3. give back what was broken, and explain why in another network nothing happened.
#
# **You need** 04 and 07. **Minutes** 75. **Difficulty** ●●●. **You will hear** a small network before and after it
# loses a head, and a Mandarin sentence of nano without its heads. Runs offline.

# %% tags=["setup"]
import math

import gsv_lab
from gsv_lab.evaluation.ablation import head_grid
from gsv_lab.figures import diagram
from gsv_lab.hooks import mean, patch_from, probe, resample, zero
from gsv_lab.teaching.exercises import ablation as check, breaking
from gsv_lab.teaching.exercises.breaking import MIX, mean_of, without
from gsv_lab.teaching.exercises.excerpt import excerpts
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.exercises.patient import load_patient
from gsv_lab.teaching.page import heard, noted, shapes
from gsv_lab.teaching.widgets.ablation import AblationExplorer

patient = load_patient()
clips = patient.clips(16)
measure = patient.measure(clips)
clean, nothing = mean_of(measure), math.log(patient.semantic_gpt.n_codes)
print(f"{len(clips)} clips of new voices: {clean:.2f} nats per code; knowing nothing: {nothing:.2f}")
with probe(patient, MIX) as records:
    patient.logits(clips[2])
shapes(records)

# %%
diagram("semantic_gpt")

# %% [markdown]
# ## A patient that bleeds
#
# Nano's SemanticGPT is told its place in the text by a monotonic alignment (04). So we begin with a small one that has
# none: four layers of four heads, trained on the synthetic corpus (07). Like the released GPT-SoVITS it must *find* its
# place, by attention. In head $h$ of a layer, step $i$ takes over
#
# $$ \mathrm{mix}_{h,i} = \sum_{j \le i} a_{h,ij}\, v_{h,j}, \qquad
# a_{h,ij} = \mathrm{softmax}_j\!\left( q_{h,i}^\top k_{h,j} / \sqrt{d} \right) $$
#
# from the steps $j$ ([arXiv:1706.03762](https://arxiv.org/abs/1706.03762), section 3.2). The mixes
# pass the tap `attention.mix`; `MIX` stands for those of all layers. The measure is the cross entropy of the true codes,
# $-\frac1N \sum_n \ln p(c_n \mid \text{phones}, c_{<n})$, one mean a clip. To hear codes, each sounds as its frames did
# on average, through the formula of the corpus.

# %%
clip = clips[2]
print(*clip.phones)
codes = {"true codes": clip.codes, "its own codes": patient.write([clip])[0]}
heard(None, {"recording": clip} | {name: patient.speak(code, clip.speaker) for name, code in codes.items()})

# %% [markdown]
# ## Three ways to take something away
#
# An *ablation* replaces what passes a tap:
#
# | edit | what remains | it asks |
# | --- | --- | --- |
# | `zero` | nothing, not even what is always there | is the head needed? |
# | `mean` | its average, at every step alike | must it *change* with the step? |
# | `resample` | true values, at wrong steps | must they come at the *right* step? |
#
# Zeros may be values that no later layer ever met, which does harm of its own.
#
# **Exercise 1.** Write `mean`: a tensor and the number of an axis -> the same shape, along that axis only the mean.


# %% tags=["exercise"]
def averaged(x, axis):
    # BEGIN SOLUTION: return None
    return x.mean(axis, keepdim=True).expand_as(x)
    # END SOLUTION


card = check.averaged(averaged)
card

# %% [markdown]
# **Exercise 2.** Put a rise of the loss on a scale: 0 for no harm, 1 for as bad as `nothing`, the loss of somebody to
# whom all codes are alike.


# %% tags=["exercise"]
def share_lost(clean, broken, nothing):
    # BEGIN SOLUTION: return None
    return (broken - clean) / (nothing - clean)
    # END SOLUTION


card = check.share_lost(share_lost)
card

# %%
share, whose = check.share_lost.built(share_lost, breaking.share_lost)
print(f"All heads of all layers; the scale is {whose}.")
for edit in (zero, mean, resample):
    with probe(patient, edits=[edit(MIX)]):
        broken = mean_of(measure)
    print(f"{edit.__name__:8} {broken - clean:+.2f} nats, {share(clean, broken, nothing):.0%} of all that it knows")

# %% [markdown]
# ## Where the heads look
#
# One panel a head, layer.head: time to the right, phones upwards. The number is its *diagonality*, from 0 to 1: how
# well it follows the phones.

# %% tags=["figure"]
grid = head_grid(patient, MIX, measure)
breaking.heads_figure(patient, clip)

# %% [markdown]
# **Exercise 3.** Predict: which head costs most if it is set to zero?

# %% tags=["exercise"]
# BEGIN SOLUTION: prediction = None
prediction = "1.0"
# END SOLUTION
card = check.dearest(prediction, grid)
card

# %% [markdown]
# ## Every head once
#
# Red costs, blue helps; the colours of all grids here end at 0.5 nats. Hatched cells could be nothing: their interval
# holds 0. It is over the four voices, not over codes or clips, since those of one voice resemble each other. (Michel et
# al. 2019, [arXiv:1905.10650](https://arxiv.org/abs/1905.10650), section 3.)

# %% tags=["figure"]
grid.figure("nats", "set to zero: what each head costs, in nats per code", reach=0.5)

# %% [markdown]
# **Exercise 4.** Which heads *surely* cost something? A row has `head`, the cost `nats`, and its interval from
# `nats_low` to `nats_high`. Give the numbers of the heads whose whole interval lies above 0, the dearest first.


# %% tags=["exercise"]
def worth(rows):
    # BEGIN SOLUTION: return None
    sure = [row for row in rows if row["nats_low"] > 0]
    return [row["head"] for row in sorted(sure, key=lambda row: -row["nats"])]
    # END SOLUTION


card = check.worth(worth)
card

# %%
rule, whose = check.worth.built(worth, breaking.surely_dear)
print(f"Which surely cost something? The rule is {whose}.")
for layer in range(4):
    rows = [row for row in grid.rows if breaking.layer_of(row["tap"]) == layer]
    sure = rule(rows)
    print(f"layer {layer}: heads {sure}; could be nothing: {sorted({row['head'] for row in rows} - {*sure})}")

# %% [markdown]
# 1.0 costs 0.55 nats, from 0.39 to 0.72; 2.0 costs 0.01. An interval says how sure a cost is, not how large: over 80 clips
# that of 2.0 reaches from 0.003 to 0.010, surely something, and next to nothing.
#
# ## A pretty picture is not a cause
#
# To the right: heads that follow the text well. Upwards: heads that cost much. Predict, then listen: the same phones,
# written without 1.0, 1.3 and 2.0. (Errors of all clips, in one draw.)

# %% tags=["figure"]
sounds = breaking.heard_without(patient, clips, ("1.0", "1.3", "2.0"), 2)
heard(breaking.alignment_against_drop(grid, breaking.follows_phones(patient, clip)), sounds)

# %% [markdown]
# Over six draws 39 % of the phones are wrong, without 1.0 76, without 1.3 53, without 2.0 again 39: a null head. And why
# does 1.3, which follows the phones nearly as well as 1.0, cost a third as much?
#
# **Exercise 5.** If a break costs little, the part may be useless. Or another part stands in for it: *redundancy*. Break
# both, and you know. Four losses: clean, without A, without B, without both. By how much does the loss of both cost more
# than the two single costs added?


# %% tags=["exercise"]
def interplay(clean, without_a, without_b, without_both):
    # BEGIN SOLUTION: return None
    return without_both - without_a - without_b + clean
    # END SOLUTION


card = check.interplay(interplay)
card

# %%
rule, whose = check.interplay.built(interplay, breaking.interplay)
print(f"Each head alone, and beyond that together with 1.0, in nats; the rule is {whose}.")
breaking.stand_ins(patient, measure, "1.0", rule)

# %% [markdown]
# Only 1.3 is dearer together with 1.0 than both alone, and by as much again: each can do a part of the other's work. So
# its small cost alone said little about its use.
#
# ## Give it back
#
# The other direction is *patching*: break the run, then put back, at one tap, what passed there in a clean run. What is
# repaired passes that tap (Meng et al. 2022, [arXiv:2202.05262](https://arxiv.org/abs/2202.05262), section 2).
#
# **Exercise 6.** Layer 0 is broken, and stays so. Add an edit that gives layer 1, `taps[1]`, back what it was in the
# clean run: `patch_from(target, records)`.

# %% tags=["exercise"]
taps = [MIX.replace("*", number) for number in ("0", "1")]
with probe(patient, *taps) as whole:
    patient.logits(clip)
with probe(patient, *taps, edits=[resample(taps[0])]) as damaged:
    patient.logits(clip)
edits = [resample(taps[0])]
# BEGIN SOLUTION: edits += []
edits += [patch_from(taps[1], whole)]
# END SOLUTION
with probe(patient, *taps, edits=edits) as repaired:
    patient.logits(clip)
card = check.given_back(whole, damaged, repaired)
card

# %% [markdown]
# Now break what surely matters: the patient reads its phones *backwards*, and has to write the codes of the forward text.
# Then what one layer passed when it read them right is put back.
#
# **Exercise 7.** Which share of the damage did a patch repair? Three losses: clean, broken, patched -> 0 for a patch
# without effect, 1 for a whole repair.


# %% tags=["exercise"]
def brought_back(clean, broken, patched):
    # BEGIN SOLUTION: return None
    return (broken - patched) / (broken - clean)
    # END SOLUTION


card = check.brought_back(brought_back)
card

# %% tags=["figure"]
rule, whose = check.brought_back.built(brought_back, breaking.brought_back)
backwards = patient.measure([each._replace(ids=each.ids.flip(0)) for each in clips])
with probe(patient, MIX) as read_right:
    mean_of(measure)
print(f"clean {clean:.2f}, text backwards {mean_of(backwards):.2f} nats; the share is {whose}.")
print(breaking.given_back(patient, backwards, read_right, clean, rule))
patched = head_grid(patient, MIX, backwards, edit=lambda tap, head: patch_from(tap, read_right, head=head))
patched.figure("nats", "text backwards, one head patched: blue is what comes back, in nats", reach=0.5)

# %% [markdown]
# Layer 1 brings all of it back, layers 0 and 2 almost nothing, layer 3 half (shares need not add up). Of 1.50 nats 1.0
# returns 1.28, 1.3 0.63, and 3.1 0.69, whose panel above was dark: it looks at earlier *steps*, which know. And 1.1 is a
# null of another kind: it costs 0.06, surely, but returns 0.003, which could be nothing (over 80 clips 0.000, from -0.001
# to 0.001). It does something, only not with the text.
#
# ## Build your own break
#
# The grid again, for eight clips. Choose heads that are gone already (several with Ctrl): which cost more now?

# %% tags=["widget"]
explorer = AblationExplorer(patient, clips[:8], reach=0.5)
explorer.view

# %% [markdown]
# ## The same on nano: nothing happens. Why?
#
# The same grid and scale, for nano's 24 heads and the sentences of a recording.

# %% tags=["figure"]
lab = gsv_lab.load()
recording = find_speech()
parts = excerpts(lab, recording)
nano = breaking.nats_per_code(lab, parts)
edits = {"24 heads set to zero": [zero(MIX)], "24 heads set to their mean": [mean(MIX)]}
if lab.components()["semantic_gpt"].max_advance:
    edits["24 heads, but no phone of the alignment"] = [zero("semantic_gpt.monotonic_alignment.phone")]
nano_clean = mean_of(nano)
print(f"{len(parts)} sentences, {nano_clean:.2f} nats per code. {parts[0].source}")
for name, edit in edits.items():
    with probe(lab, edits=edit):
        print(f"{name}: {mean_of(nano) - nano_clean:+.2f} nats")
head_grid(lab, MIX, nano).figure("nats", "nano: set to zero, what each head costs", reach=0.5)

# %% [markdown]
# All 24 heads together cost 0.07 nats, set to their mean 0.01; 0.71 without the phone that the alignment adds before a code
# is scored. That is the cause here: it does the work of 1.0, so heads need not, and none learnt to.
#
# Predict before you listen to "今天下午我们去公园走走。" (this afternoon we go for a walk in the park): which can you
# understand?

# %%
with noted():
    voice = lab.clone(recording.path)
text = "今天下午我们去公园走走。"
speeches = {"whole": lab.speak(text, voice, "zh", candidates=1)}
heard(None, speeches | {name: lab.speak(text, voice, "zh", edits=edit) for name, edit in edits.items()})

# %% [markdown]
# **Exercise 8, stretch.** How few heads are enough? `cost([...])` says what the loss of a list of heads costs, `limit`
# the most that may be lost. Take the cheapest away, ask again, and so on; give those that went, in their order.


# %% tags=["exercise"]
def prune(heads, cost, limit):
    # BEGIN SOLUTION: return None
    gone = []
    while rest := [head for head in heads if head not in gone]:
        best = min(rest, key=lambda head: cost([*gone, head]))
        if cost([*gone, best]) > limit:
            break
        gone.append(best)
    return gone
    # END SOLUTION


card = check.prune(prune)
card

# %%
rule, whose = check.prune.built(prune, breaking.pruned)
few = patient.measure(clips[:6])
base = mean_of(few)
gone = rule(breaking.heads_of(patient), lambda heads: without(patient, few, heads) - base, 0.1)
print(f"For 0.1 nats these can go: {', '.join(gone)}. The rule is {whose}.")

# %% [markdown]
# ## Further reading
#
# - Michel et al. 2019, [arXiv:1905.10650](https://arxiv.org/abs/1905.10650): most heads can go. Voita et al. 2019,
#   [arXiv:1905.09418](https://arxiv.org/abs/1905.09418): what the others do. Wang et al. 2022,
#   [arXiv:2211.00593](https://arxiv.org/abs/2211.00593): patching.
# - Jain and Wallace 2019, [arXiv:1902.10186](https://arxiv.org/abs/1902.10186): is attention explanation?
# - `gsv_lab/hooks/edits.py`: edits. `gsv_lab/evaluation/ablation.py`: the grid.
#   `gsv_lab/evaluation/interventions/file.py`: breaks in a file. `docs/results.md`: how the patient was made.
#
# Next: **09, One minute of a voice**: now something is to get better.
