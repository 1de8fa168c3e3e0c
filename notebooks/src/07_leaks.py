# %% [markdown]
# # 07 · Who is in the codes?
#
# Codes should hold what is said, and forget who said it. Whether they do is a question that can be measured, and
# easily measured wrongly.
#
# **Afterwards you can**
# 1. ask a representation a question with a linear probe, on clips that it has not seen;
# 2. distinguish a real answer from chance and from learning by heart;
# 3. close a leak, and check by an intervention whether it mattered at all.
#
# **You need** 03 and 05, and what a matrix does. **Minutes** 50. Runs offline on a laptop.

# %%
import math

import numpy as np

import gsv_lab
from gsv_lab.evaluation.probes import linear_probe
from gsv_lab.evaluation.probes_leakage import extract, gather, leakage
from gsv_lab.evaluation.prosody import tracked_pitch
from gsv_lab.teaching.exercises import leaks as check
from gsv_lab.teaching.exercises.clips import centred, course_clips
from gsv_lab.teaching.exercises.excerpt import excerpt
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.exercises.voices import second_voice
from gsv_lab.teaching.widgets.leaks import TAPS, LeakExplorer

lab = gsv_lab.load()
clips, source = course_clips(lab)  # your own: GSV_LAB_SPEECH=DIR with a metadata.csv, path|speaker|language|text
print(source, "The first:", clips[0].speaker, *clips[0].phones)

# %% [markdown]
# ## A question to a tap
#
# At every frame we know three *factors*: the phone, the speaker, and F0. If a straight line (a *linear probe*) can
# read a factor from what passes a tap, the factor *leaks* there. That needs frames to learn from, and others to test.
#
# | tap | numbers a frame | what it should hold |
# | --- | --- | --- |
# | `content_encoder.mel` | 80 | everything |
# | `content_encoder.content` | 192 | the phone, and as little else as possible |
# | `quantizer.codes` | one of 512 | the same, rounded |
# | `speaker_encoder.speaker` | 216 | the speaker |
# | `posterior.mean` | 64 | whatever makes the sound |

# %%
records = extract(lab, clips, TAPS)
mel = gather("content_encoder.mel", records, clips, most=800)
print(f"{mel.x.shape[0]} frames of {mel.x.shape[1]} numbers; the first is {mel.phone[0]}, spoken by {mel.speaker[0]}")

# %% [markdown]
# **Exercise 1.** Which frames are for the test? Two neighbours in one clip are almost the same, so a probe that has
# seen one knows the other. Choose whole clips, about a quarter of them, such that every speaker is on both sides.
# `clip` (N,) numbers the clip of every frame, `speaker` (N,) names who speaks; give (N,) True or False.


# %% tags=["exercise"]
def held_out(clip, speaker):
    # BEGIN SOLUTION: return None
    last = {name: clip[speaker == name].max() for name in set(speaker)}
    return np.array([number == last[name] for number, name in zip(clip, speaker, strict=True)])
    # END SOLUTION


check.held_out(held_out)

# %% [markdown]
# **Exercise 2.** The probe itself is one matrix W (D, K), found by least squares: Y is *one-hot*, a 1 in the column
# of the true class and 0 elsewhere, and (XᵀX + penalty · I) W = XᵀY. The penalty keeps W small where there are more
# numbers than frames. (`np.linalg.solve`, `np.eye`.)


# %% tags=["exercise"]
def fit(x, labels, n_classes, penalty):
    # BEGIN SOLUTION: return None
    wanted = np.eye(n_classes)[labels]
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ wanted)
    # END SOLUTION


check.fit(fit)

# %% [markdown]
# ## By heart?
#
# A probe with many weights can learn answers by heart, as a student may. So ask it something senseless: every *kind*
# of frame (here: a phone together with the one before it) gets a label drawn at random, always the same for that kind.
# Whatever the probe reaches there it has learned by heart. This is its *control task* (Hewitt and Liang 2019).
#
# **Exercise 3.** Make the labels: for each kind one of the true `labels`, drawn with `random.choice(labels)`.


# %% tags=["exercise"]
def control(kinds, labels, random):
    # BEGIN SOLUTION: return None
    drawn = {kind: random.choice(labels) for kind in np.unique(kinds)}
    return np.array([drawn[kind] for kind in kinds])
    # END SOLUTION


check.control(control)

# %% [markdown]
# ## The leakage matrix
#
# Now all taps and all factors. In each cell: the score (share right; for F0, of the variance), its interval over
# clips, and the control. Yellow means that the factor can be read, dark blue that it cannot. To ask for phones and F0
# the test holds *voices* that the probe has never met; with so few voices intervals are wide. Where does the speaker get
# lost, and where does F0 come back?

# %% tags=["figure"]
taps = (
    "content_encoder.mel",
    "content_encoder.content",
    "quantizer.codes",
    "speaker_encoder.speaker",
    "posterior.mean",
)
leaks = leakage(lab, clips, taps, most=600, folds=2, draws=200)
leaks.figure()

# %% [markdown]
# The codes once more, without any probe: U(factor|code) is the share of a factor's entropy that the code takes away.
# Few frames flatter it, so it is compared with labels that were moved along, and only what lies above them counts.

# %%
leaks.codes_table()

# %% [markdown]
# ## Close a leak
#
# **Exercise 4.** Voices differ by a constant, more or less: subtract from every frame the mean of all frames of its
# speaker. `x` is (N, D), `speaker` (N,) names; leave `x` itself alone.


# %% tags=["exercise"]
def close_leak(x, speaker):
    # BEGIN SOLUTION: return None
    closed = x.copy()
    for name in set(speaker):
        closed[speaker == name] -= x[speaker == name].mean(axis=0)
    return closed
    # END SOLUTION


check.close_leak(close_leak)

# %%
for factor in ("speaker", "phone"):
    before, after = (linear_probe(frames, factor, folds=2, draws=200) for frames in (mel, centred(mel)))
    print(
        f"{factor:8} in the mel: {before.score.value:.2f}, mean off: {after.score.value:.2f}, chance {after.chance:.2f}"
    )

# %% [markdown]
# ## Ask for yourself
#
# From which tap is F0 read best? How few frames does the speaker vector need? Does the phone suffer when the speaker's
# mean is gone? And what do random draws do: `posterior.mean` against `posterior.z`?

# %% tags=["widget"]
explorer = LeakExplorer(lab, clips, records)
explorer.view

# %% [markdown]
# ## Readable is not used
#
# A probe shows what *could* be read, not what the model does read. That takes an intervention: keep the codes of one
# voice, speak them with the vector of another. If the codes held the speaker, pitch would remain that of the first.

# %%
recording = find_speech()
part, other = excerpt(lab, recording), second_voice(recording)
hertz = {}
for name, wave in (("own", part.wave), ("other", other.wave)):
    spoken = lab.resynthesize(part.wave, part.phones, lab.family.synthesizer.voice([wave])).wave
    for key, sound in ((name, wave), (f"codes in {name} voice", spoken)):
        curve = tracked_pitch(sound.numpy())
        hertz[key] = float(np.median(curve[curve > 0])) if (curve > 0).any() else math.nan
print(*[f"{name}: {value:.0f} Hz" for name, value in hertz.items()], part.source, other.source, sep="\n")

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/evaluation/probes.py`: your four exercises, with folds and intervals.
# - `gsv_lab/evaluation/swap.py`: the intervention, measured over many pairs, for pitch and the length of the throat.
# - `gsv_lab/corpora/synthetic.py`: a corpus whose factors are known because somebody wrote them down.
#
# Next: **08, Break it on purpose**. From what can be read to what is used.
