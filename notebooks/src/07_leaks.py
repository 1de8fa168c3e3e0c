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
# **You need** 03 and 05, and what a matrix does. **Minutes** 75. **Difficulty** ●●○. **You will hear** one script in two
# voices made by formula, codes of one voice spoken by another, and a Mandarin sentence with other tones. Runs offline.

# %% tags=["setup"]
import numpy as np

import gsv_lab
from gsv_lab.evaluation.probes.linear import linear_probe
from gsv_lab.evaluation.probes.leakage import extract, gather, leakage
from gsv_lab.figures import diagram, uncertainty
from gsv_lab.teaching.exercises import leaks as check
from gsv_lab.teaching.exercises import probing
from gsv_lab.teaching.exercises.clips import centred, known_clips, real_clips, two_voices
from gsv_lab.teaching.exercises.excerpt import excerpt
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.exercises.voices import second_voice
from gsv_lab.teaching.page import heard, noted, shapes
from gsv_lab.teaching.widgets.leaks import TAPS, LeakExplorer

lab = gsv_lab.load()
clips, source, _ = known_clips()
print(source, "The first:", clips[0].speaker, *clips[0].phones)

# %%
diagram("content_encoder", "quantizer", "speaker_encoder")

# %% [markdown]
# ## Material whose truth is known
#
# In recordings nobody knows how much of a sound is the phone and how much the person. So we begin with clips made by
# formula, from factors drawn independently: phones, a speaker (pitch, vocal tract, breath), a melody. One script in the
# lowest and in the highest voice:

# %%
heard(None, two_voices())

# %% [markdown]
# At every frame we know three *factors*: phone, speaker, F0. If a linear map, the *probe*, can read a factor from what
# passes a tap, the factor *leaks* there. These taps we ask; the shapes are those of the first clip.

# %%
taps = probing.known_taps(lab, (*TAPS, "pitch_predictor.f0"))
records = extract(lab, clips, taps)
mel = gather("content_encoder.mel", records, clips, most=1200)
print(f"{mel.x.shape[0]} frames of {mel.x.shape[1]} numbers; the first is {mel.phone[0]}, spoken by {mel.speaker[0]}")
shapes(records[0])

# %% [markdown]
# **Exercise 1.** Which frames are for the test? Neighbours in a clip are almost the same, so choose whole clips, between
# an eighth and a half of all frames, with every speaker on both sides. `clip` (N,) numbers the clip of every frame,
# `speaker` (N,) names who speaks; give (N,) True or False.


# %% tags=["exercise"]
def held_out(clip, speaker):
    # BEGIN SOLUTION: return None
    last = {name: clip[speaker == name].max() for name in set(speaker)}
    return np.array([number == last[name] for number, name in zip(clip, speaker, strict=True)])
    # END SOLUTION


card = check.held_out(held_out)
card

# %% [markdown]
# ## The probe
#
# The simplest probe for classes is one matrix $W \in \mathbb{R}^{D \times K}$, found by least squares. With frames
# $X \in \mathbb{R}^{N \times D}$ and one-hot labels $Y \in \{0, 1\}^{N \times K}$ (a 1 in the column of the true class),
#
# $$ \min_W \lVert XW - Y \rVert^2 + \lambda \lVert W \rVert^2 \quad\Rightarrow\quad
# (X^\top X + \lambda I)\, W = X^\top Y. $$
#
# This is ridge regression; the guess for a frame $x$ is the largest entry of $x^\top W$. The kit's probe for phones and
# speakers instead minimises the cross entropy $-\sum_n \log \mathrm{softmax}(W^\top x_n + b)_{y_n}$ with such a penalty;
# for F0 it is ridge regression onto $\ln F_0$, and its score the share of variance explained on unseen clips.
#
# **Exercise 2.** Write the fit: `x` (N, D), `labels` (N,) numbers below K -> weights (D, K). (`np.linalg.solve`.)


# %% tags=["exercise"]
def fit(x, labels, n_classes, penalty):
    # BEGIN SOLUTION: return None
    wanted = np.eye(n_classes)[labels]
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ wanted)
    # END SOLUTION


card = check.fit(fit)
card

# %% [markdown]
# Both answers at work: who speaks in a frame of the mel spectrogram? There are 12 voices.

# %%
split, whose_split = check.held_out.built(held_out, probing.last_clips)
matrix, whose_matrix = check.fit.built(fit, probing.least_squares)
learned, unseen = probing.right_answers(mel, split, matrix)
print(f"The split is {whose_split}, the matrix {whose_matrix}.")
print(f"{learned:.0%} right on the frames that it learned from, {unseen:.0%} on clips that it never saw")

# %% [markdown]
# ## By heart?
#
# A probe with many weights can learn answers by heart. So ask it something senseless: every *kind* of frame (a phone
# with the one before it) gets a label drawn at random, always the same for that kind. What a probe knows beyond this
# *control task* is its *selectivity* (Hewitt and Liang 2019, [arXiv:1909.03368](https://arxiv.org/abs/1909.03368),
# section 2):
#
# $$ \text{selectivity} = \text{score} - \text{score on the control task} $$
#
# *Chance* is a third number: how often somebody is right who always says the commonest label.
#
# **Exercise 3.** Make the labels: for each kind one of the true `labels`, drawn with `random.choice(labels)`.


# %% tags=["exercise"]
def control(kinds, labels, random):
    # BEGIN SOLUTION: return None
    drawn = {kind: random.choice(labels) for kind in np.unique(kinds)}
    return np.array([drawn[kind] for kind in kinds])
    # END SOLUTION


card = check.control(control)
card

# %% [markdown]
# ## The leakage matrix
#
# In each cell: the score (share right; for F0, of the variance), its interval over speakers and clips, and the control.
# For phones and F0 the test holds *voices* that the probe has never met.

# %% tags=["figure"]
rows = ("content_encoder.mel", "content_encoder.content", "quantizer.codes", "speaker_encoder.speaker",
        "pitch_predictor.f0", "vocoder.envelopes")  # fmt: skip
leaks = leakage(lab, clips, [tap for tap in rows if tap in taps], most=900, folds=3, records=records, draws=200)
leaks.figure()

# %% [markdown]
# The first two columns, for nano-7. *Phone*: 0.69 in the mel, 0.71 in the content, 0.34 in the codes, where chance is 0.09
# and the control 0.11. *Speaker*: 0.46 in the mel; 0.19 in the content, control 0.16; 0.10 in the codes, below their
# control of 0.15: by this probe they do not know who speaks. The speaker vector gets only 0.49, for there are no more
# than 36 vectors to tell 12 voices apart.
#
# **Exercise 4.** Follow F0 downwards. What is the first row in which it can no longer be read (its interval reaches
# down to 0), and the next one in which it can be read again?

# %% tags=["exercise"]
# BEGIN SOLUTION: lost = back = None
lost, back = "quantizer.codes", "speaker_encoder.speaker"
# END SOLUTION

card = check.route(lost, back, leaks)
card

# %% [markdown]
# ## Without a probe
#
# Codes are labels, so we can count: which share of the entropy $H(X) = -\sum_x p(x) \ln p(x)$ of a factor does the code $Y$
# take away? That is Theil's *uncertainty coefficient*:
#
# $$ U(X \mid Y) = \frac{I(X;Y)}{H(X)}, \qquad I(X;Y) = \sum_{x,y} p(x,y) \ln \frac{p(x,y)}{p(x)\,p(y)} $$
#
# **Exercise 5.** Write it. `counts` (K, C) says how often each label stood beside each code.


# %% tags=["exercise"]
def told(counts):
    # BEGIN SOLUTION: return None
    p = counts / counts.sum()
    label, code = p.sum(1, keepdims=True), p.sum(0, keepdims=True)
    seen = p > 0
    information = (p[seen] * np.log(p[seen] / (label * code)[seen])).sum()
    label = label[label > 0]
    return information / -(label * np.log(label)).sum()
    # END SOLUTION


card = check.told(told)
card

# %%
share, whose = check.told.built(told, uncertainty)
print(f"U(phone given code) = {share(probing.phones_by_code(records, clips)):.2f}; the formula is {whose}.")
leaks.codes_table()

# %% [markdown]
# The phone: 0.75, but labels that were merely moved along reach 0.52, because 36 clips do not fill 512 codes. Of what lies
# above that the codes tell 0.48; of the speaker 0.05, of F0 nothing. Few frames flatter U: never quote it alone.

# %% [markdown]
# ## Close a leak
#
# **Exercise 6.** Voices differ by a constant, more or less: subtract from every frame the mean of its speaker,
# $\tilde{x}_n = x_n - \bar{x}_{s(n)}$ (with cepstra: cepstral mean subtraction). `x` is (N, D), `speaker` (N,) names;
# leave `x` itself alone.


# %% tags=["exercise"]
def close_leak(x, speaker):
    # BEGIN SOLUTION: return None
    closed = x.copy()
    for name in set(speaker):
        closed[speaker == name] -= x[speaker == name].mean(axis=0)
    return closed
    # END SOLUTION


card = check.close_leak(close_leak)
card

# %%
for factor in ("speaker", "phone"):
    before, after = (linear_probe(frames, factor, folds=3, draws=200) for frames in (mel, centred(mel)))
    print(
        f"{factor:8} in the mel: {before.score.value:.2f}, mean off: {after.score.value:.2f}, chance {after.chance:.2f}"
    )

# %% [markdown]
# The speaker falls from 0.51 to 0.03, the phone only from 0.69 to 0.66. (Below chance: what is left to fit is noise.)
#
# ## Ask for yourself
#
# How few frames does the speaker vector need? What do random draws do: `posterior.mean` against `posterior.z`?

# %% tags=["widget"]
explorer = LeakExplorer(lab, clips, records, taps=taps)
explorer.view

# %% [markdown]
# ## Readable is not used
#
# A probe shows what *could* be read, not what the model does read. That takes an intervention: speak the codes of one
# voice with the vector of another.
#
# **Exercise 7.** Predict before you listen: whose pitch will it have, "own" (the codes'), "other" (the vector's), or
# "between"?

# %%
recording = find_speech()
part, other = excerpt(lab, recording), second_voice(recording)
swap = probing.exchanged(lab, part.wave, part.phones, {"own": part.wave, "other": other.wave})
hertz = [probing.median_hertz(probing.tracked_pitch(wave.numpy())) for wave in (part.wave, other.wave)]

# %% tags=["exercise"]
# BEGIN SOLUTION: prediction = None
prediction = "other"
# END SOLUTION

card = check.swapped(prediction, *hertz, swap["other"].median)
card

# %%
print(part.source, other.source, sep="\n")
sounds = {"whose codes": part, "whose vector": other, "both": swap["other"].speech, "own vector": swap["own"].speech}
heard(probing.melodies_figure(swap, "the same codes with two vectors"), sounds)

# %% [markdown]
# ## And the tones of Mandarin?
#
# In Mandarin the movement of F0 tells words apart. From where does the network know it? A sentence, its codes in another
# voice, and its codes with a text in which only the tones are others: "妈妈骑马" becomes "骂骂七妈".

# %%
with noted():
    voice = lab.clone(recording.path)
melodies = probing.mandarin_melodies(lab, voice, other.wave)
own = melodies["own voice"]
for name, found in melodies.items():
    print(f"{name:24} {found.median:4.0f} Hz, movement like the first: {probing.alike(own.f0, found.f0):.2f}")
heard(probing.melodies_figure(melodies), {name: found.speech for name, found in melodies.items()})

# %% [markdown]
# In another voice the height changes and the movement stays: 0.97. With other tones in the text, and the same codes and
# vector, it goes: about 0.2. So tones come from the text, whose phones the prior reads beside the codes.

# %% [markdown]
# ## Real speech
#
# The same, for recordings: those in `GSV_LAB_SPEECH` (with a `metadata.csv`: path|speaker|language|text), otherwise the
# shipped sample. That has *one* voice and says nothing about speakers; the test holds sentences that are new.

# %% tags=["figure"]
real = real_clips(lab)
print(real.source)
real_rows = ("content_encoder.mel", "content_encoder.content", "quantizer.codes", "posterior.mean")
leakage(lab, real.clips, real_rows, real.factors, most=800, folds=3, draws=200).figure()

# %% [markdown]
# For the sample: F0 0.81 in the mel, 0.16 in the content, 0.05 in the codes (interval from 0.00), 0.37 in the latent;
# phones 0.39, 0.39, 0.23, 0.43, chance 0.06. What one voice cannot show was measured on five English and five Mandarin
# people (nano-5, `docs/results.md`): a single code tells their speaker at 0.40 (control 0.30) and 0.25 (control 0.31),
# and F0 in neither language. A little of the English speakers leaks, which synthetic clips did not show.

# %% [markdown]
# ## Stretch
#
# Without names of speakers: find the directions $W$ that a probe reads, take them out, $x - W (W^\top W)^{-1} W^\top x$,
# fit again, and so on (Ravfogel et al. 2020, [arXiv:2004.07667](https://arxiv.org/abs/2004.07667), section 4).
#
# **Exercise 8, stretch.** `x` (N, D), `weights` (D, K), columns at any angle -> (N, D) without its part in their space.


# %% tags=["exercise"]
def erase(x, weights):
    # BEGIN SOLUTION: return None
    q, _ = np.linalg.qr(weights)
    return x - x @ q @ q.T
    # END SOLUTION


card = check.erase(erase)
card

# %%
projection, whose = check.erase.built(erase, probing.projected)
print(f"The projection is {whose}.")
for number, (who, what) in enumerate(probing.erased(mel, projection, rounds=4)):
    print(f"after {number} rounds: speaker {who:.2f}, phone {what:.2f}")

# %% [markdown]
# Four rounds bring the speaker from 0.55 to 0.15, and the phone stays (0.52, 0.56): the directions that tell voices are
# not those that tell phones.
#
# ## Further reading
#
# - Belinkov 2022, [arXiv:2102.12452](https://arxiv.org/abs/2102.12452): what probes can and cannot show.
# - `gsv_lab/evaluation/probes/linear.py`: your exercises, with folds and intervals. `gsv_lab/evaluation/swaps/swap.py`: the swap over
#   many pairs of voices. `docs/results.md`: both, on people too.
#
# Next: **08, Break it on purpose**: from what can be read to what is used.
