# %% [markdown]
# # 08 · Break it on purpose
#
# A picture shows what a part looks at. Only a break shows what it is good for.
#
# **Afterwards you can**
# 1. take a part away in three ways, and say what each of them asks;
# 2. rank attention heads by what they cost, with intervals, and name one that costs nothing;
# 3. give back what was broken, and explain why in another network nothing happened.
#
# **You need** 04 and 07. **Minutes** 75. **Difficulty** ●●●. **You will hear** a small network before and after it
# loses a head, and a Mandarin sentence of nano with all its heads gone. Runs offline on a laptop.

# %% tags=["setup"]
import math

import gsv_lab
from gsv_lab.evaluation.ablation import head_grid
from gsv_lab.figures import diagram
from gsv_lab.hooks import mean, patch_from, probe, resample, zero
from gsv_lab.teaching.exercises import ablation as check
from gsv_lab.teaching.exercises import breaking
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
print(f"{len(clips)} clips of voices that it never met: {clean:.2f} nats per code; knowing nothing: {nothing:.2f}")

# %%
diagram("semantic_gpt")

# %% [markdown]
# ## A patient that bleeds
#
# Nano's SemanticGPT is told by its monotonic alignment (04) which phone comes next. So we begin with a small one that has
# no such part: three layers of four heads, trained on the synthetic corpus (07). Like the released GPT-SoVITS it must
# *find* its place in the text, by attention. In head $h$ of a layer, step $i$ takes over
#
# $$ \mathrm{mix}_{h,i} = \sum_{j \le i} a_{h,ij}\, v_{h,j}, \qquad
# a_{h,ij} = \mathrm{softmax}_j\!\left( q_{h,i}^\top k_{h,j} / \sqrt{d} \right) $$
#
# from the steps $j$ (Vaswani et al. 2017, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762), section 3.2). The mixes
# of all heads are joined by one matrix. They pass the tap `attention.mix`; `MIX` stands for those of all layers. The
# measure is the cross entropy of the true codes, $-\frac1N \sum_n \ln p(c_n \mid \text{phones}, c_{<n})$, one mean a clip.

# %%
with probe(patient, MIX) as records:
    patient.logits(clips[2])
shapes(records)

# %% [markdown]
# How does it sound? It knows no voice, so we hear its codes through the formula of the corpus: each code as its frames
# sounded on average. The recording, its true codes, and the codes that the patient writes by itself:

# %%
clip = clips[2]
written = patient.write(clip)
print(*clip.phones)
heard(None, {"recording": clip, "true codes": patient.speak(clip.codes, clip.speaker),
             "its own codes": patient.speak(written, clip.speaker)})  # fmt: skip

# %% [markdown]
# ## Three ways to take something away
#
# An *ablation* replaces what passes a tap:
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


card = check.averaged(averaged)
card

# %% [markdown]
# **Exercise 2.** Is a rise of the loss much? Put it on a scale: 0 for no harm, 1 for as bad as `nothing`, the loss of
# somebody who knows nothing (every code alike likely: the logarithm of their number). The next cell uses it.


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
# One panel a head, called layer.head: time to the right, phones upwards. Diagonality, from 0 to 1, says how well a head
# follows the phones as codes go on.

# %% tags=["figure"]
breaking.heads_figure(patient, clip)

# %% [markdown]
# **Exercise 3.** Predict: which head will cost most if it is set to zero? (The grid is measured now, and shown after.)

# %%
grid = head_grid(patient, MIX, measure, draws=500)

# %% tags=["exercise"]
# BEGIN SOLUTION: prediction = None
prediction = "1.0"
# END SOLUTION
card = check.dearest(prediction, grid)
card

# %% [markdown]
# ## Every head once
#
# Red costs, blue helps. Every grid on this page ends at the same 0.5 nats, so that colours compare. A cell is hatched
# where the interval of the cost holds 0: it could be nothing. Intervals are drawn over clips, not over codes, since the
# codes of a clip resemble each other. (Ranking heads by ablation: Michel et al. 2019,
# [arXiv:1905.10650](https://arxiv.org/abs/1905.10650), section 3; Voita et al. 2019,
# [arXiv:1905.09418](https://arxiv.org/abs/1905.09418).)

# %% tags=["figure"]
grid.figure("nats", "set to zero: what each head costs, in nats per code", reach=0.5)

# %% tags=["figure"]
averages = head_grid(patient, MIX, measure, edit=mean, draws=500)
averages.figure("nats", "set to its mean: what it costs that a head no longer changes with the step", reach=0.5)

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
print(f"Set to their mean, these surely cost something; the rule is {whose}.")
for layer in range(3):
    rows = [row for row in averages.rows if breaking.layer_of(row["tap"]) == layer]
    sure = rule(rows)
    print(f"layer {layer}: heads {sure}; could be nothing: {sorted({row['head'] for row in rows} - {*sure})}")

# %% [markdown]
# TEXT_GRID

# %%
sounds = {}
for name in ("1.0", "1.1", "2.0"):
    with probe(patient, edits=[zero(tap, head=head) for tap, head in [breaking.head_of(name)]]):
        codes = [patient.write(each) for each in clips]
    wrong = sum(patient.phone_error(*pair) for pair in zip(codes, clips, strict=True)) / len(clips)
    sounds[f"without {name}: {wrong:.0%} phones wrong"] = patient.speak(codes[2], clip.speaker)
heard(None, {"whole": patient.speak(written, clip.speaker), **sounds})

# %% [markdown]
# ## A pretty picture is not a cause
#
# To the right: heads that follow the text well. Upwards: heads that cost much. Grey points could be nothing.

# %% tags=["figure"]
breaking.alignment_against_drop(grid, breaking.follows_phones(patient, clip))

# %% [markdown]
# TEXT_PRETTY
#
# **Exercise 5.** If a break costs little, the part may be useless. Or another part stands in for it: *redundancy*. Break
# both, and you know. Four losses: clean, without A, without B, without both. By how much does the loss of both cost more
# than the two single costs added? The next cell asks that of the dearest head and every other one.


# %% tags=["exercise"]
def interplay(clean, without_a, without_b, without_both):
    # BEGIN SOLUTION: return None
    return without_both - without_a - without_b + clean
    # END SOLUTION


card = check.interplay(interplay)
card

# %%
rule, whose = check.interplay.built(interplay, breaking.interplay)
print(f"Loss of 1.0 and another head, beyond both alone; the rule is {whose}.")
names = [breaking.label(row["tap"], row["head"]) for row in grid.rows]
alone = {name: without(patient, measure, [name]) for name in names}
for name in sorted(set(names) - {"1.0"}):
    both = without(patient, measure, ["1.0", name])
    print(f"{name}: alone {alone[name] - clean:+.3f}, beyond {rule(clean, alone['1.0'], alone[name], both):+.3f} nats")

# %% [markdown]
# TEXT_INTERPLAY
#
# ## Give it back
#
# The other direction is *patching*: break the run, then put back, at one tap, what passed there in the clean run. What
# is repaired passes that tap (Meng et al. 2022, [arXiv:2202.05262](https://arxiv.org/abs/2202.05262), section 2; Wang
# et al. 2022, [arXiv:2211.00593](https://arxiv.org/abs/2211.00593)).

# %%
taps = [MIX.replace("*", number) for number in ("0", "1")]
one = patient.measure(clips[:1])
with probe(patient, *taps) as whole:
    start = mean_of(one)
with probe(patient, *taps, edits=[resample(taps[0])]) as broken:
    print(f"clean {start:.2f}, layer 0 broken {mean_of(one):.2f} nats")

# %% [markdown]
# **Exercise 6.** Layer 0 stays broken. Add an edit that gives layer 1, `taps[1]`, back what it was in the clean run:
# `patch_from(target, records)`.

# %% tags=["exercise"]
edits = [resample(taps[0])]
# BEGIN SOLUTION: edits += []
edits += [patch_from(taps[1], whole)]
# END SOLUTION
with probe(patient, *taps, edits=edits) as repaired:
    mean_of(one)
card = check.given_back(whole, broken, repaired)
card

# %% [markdown]
# Now break something that surely matters, the text: the patient reads its phones *backwards*, and has to write the codes
# of the forward text. Then the mix of one layer is patched from the run that read it right.
#
# **Exercise 7.** Which share of the damage did a patch repair? Three losses: clean, broken, patched -> 0 for a patch
# without effect, 1 for a whole repair. The next cell uses it.


# %% tags=["exercise"]
def brought_back(clean, broken, patched):
    # BEGIN SOLUTION: return None
    return (broken - patched) / (broken - clean)
    # END SOLUTION


card = check.brought_back(brought_back)
card

# %%
back, whose = check.brought_back.built(brought_back, breaking.brought_back)
backwards = patient.measure([each._replace(ids=each.ids.flip(0)) for each in clips])
with probe(patient, MIX) as read_right:
    mean_of(measure)
lost = mean_of(backwards)
print(f"clean {clean:.2f}, text backwards {lost:.2f} nats; the share is {whose}.")
for tap in read_right:
    with probe(patient, edits=[patch_from(tap, read_right)]):
        print(f"{tap}: {back(clean, lost, mean_of(backwards)):.0%} comes back")

# %% [markdown]
# And head by head; blue is what comes back, in nats:

# %% tags=["figure"]
patched = head_grid(patient, MIX, backwards, edit=lambda tap, head: patch_from(tap, read_right, head=head), draws=500)
patched.figure("nats", f"text backwards, one head patched; all that was lost: {lost - clean:.2f} nats", reach=0.5)

# %% [markdown]
# TEXT_PATCH
#
# ## Build your own break
#
# The grid again, for eight clips. Choose heads that are gone already (several with Ctrl or Shift): which cost more now
# than before? Those stood in for the others. Which edit is the harshest?

# %% tags=["widget"]
explorer = AblationExplorer(patient, clips[:8], reach=0.5)
explorer.view

# %% [markdown]
# ## The same on nano: nothing happens. Why?
#
# The same grid, the same scale, for nano's 24 heads and the sentences of the shipped sample (or of your recording).

# %% tags=["figure"]
lab = gsv_lab.load()
recording = find_speech()
parts = excerpts(lab, recording, most=5)
nano = breaking.nats_per_code(lab, parts)
before = mean_of(nano)
print(f"{len(parts)} sentences, {before:.2f} nats per code. {parts[0].source}")
head_grid(lab, MIX, nano, draws=300).figure("nats", "nano: set to zero, what each head costs", reach=0.5)

# %%
edits = {"all 24 heads set to zero": [zero(MIX)], "all 24 set to their mean": [mean(MIX)]}
if lab.components()["semantic_gpt"].max_advance:
    edits["without the phone of the alignment"] = [zero("semantic_gpt.monotonic_alignment.phone")]
for name, edit in edits.items():
    with probe(lab, edits=edit):
        print(f"{name}: {mean_of(nano) - before:+.2f} nats")

# %% [markdown]
# TEXT_NANO
#
# Predict before you listen: a Mandarin sentence, "今天下午我们去公园走走。" (this afternoon we go for a walk in the park),
# whole, with *all* heads gone, and with its heads but without the phone of the alignment. Which one can you understand?

# %%
with noted():
    voice = lab.clone(recording.path)
text = "今天下午我们去公园走走。"
speeches = {"whole": lab.speak(text, voice, "zh", candidates=1)}
for name, edit in edits.items():
    speeches[name] = lab.speak(text, voice, "zh", edits=edit)
heard(None, speeches)

# %% [markdown]
# ## Stretch
#
# **Exercise 8, stretch.** How few heads are enough? `prune(heads, cost, limit)` takes names of heads, a function that
# says what the loss of a *list* of them costs, and the most that may be lost. Take the cheapest head away, ask again,
# and so on. Give the heads that went, in their order.


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
gone = rule(names, lambda heads: without(patient, few, heads) - base, 0.1)
print(f"For 0.1 nats these can go: {', '.join(gone)}. These stay: {', '.join(sorted({*names} - {*gone}))}.")
print(f"The rule is {whose}.")

# %% [markdown]
# ## Further reading
#
# - Michel, Levy and Neubig 2019, [arXiv:1905.10650](https://arxiv.org/abs/1905.10650): most heads can go.
# - Voita et al. 2019, [arXiv:1905.09418](https://arxiv.org/abs/1905.09418): what the others do.
# - Meng et al. 2022, [arXiv:2202.05262](https://arxiv.org/abs/2202.05262), and Wang et al. 2022,
#   [arXiv:2211.00593](https://arxiv.org/abs/2211.00593): patching, and heads that stand in for others.
# - Jain and Wallace 2019, [arXiv:1902.10186](https://arxiv.org/abs/1902.10186): attention is not explanation.
# - `gsv_lab/hooks/edits.py`: nine ways to change what passes, each a line. `gsv_lab/evaluation/ablation.py`: the grid.
#   `gsv_lab/evaluation/interventions.py`: breaks written down in a file, so that others can repeat them.
# - `configs/synthetic/gpt_plain.yaml`: the patient; `docs/results.md` has the commands that make it again.
#
# ## Next
#
# **09, Few-shot fine-tuning** (in preparation). Enough broken; now something is to get better.
