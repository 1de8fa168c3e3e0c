# %% [markdown]
# # 10 · Numbers that stand for ears
#
# Nobody can listen to ten thousand clips. So numbers listen, and each of them hears something of its own.
#
# **Afterwards you can**
# 1. say what a measure hears and what it cannot hear, and fool it;
# 2. build the measures of a paper: equal error, a place between floor and ceiling, MCD along a path, retained accuracy;
# 3. give a difference between two systems an interval that is honest about voices.
#
# **You need** 01, and what a mean and a standard deviation are. **Minutes** 75. **Difficulty** ●●○. **You will hear** a
# sentence and four copies of it, the same sentence from a clone, and Mandarin by the clone. Runs offline.

# %% tags=["setup"]
import numpy as np

import gsv_lab
from gsv_lab.figures import diagram, pair_scores, warping_path
from gsv_lab.teaching.exercises import judging, metrics, word_results
from gsv_lab.teaching.exercises import measuring as check
from gsv_lab.teaching.exercises import pooling as checks
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.page import heard, noted
from gsv_lab.teaching.widgets.metrics import MetricExplorer

lab = gsv_lab.load()
verifier = judging.judge(lab)

# %%
diagram("measures")

# %% [markdown]
# ## Listen first
#
# One sentence, and four copies. (Delayed: by 20 ms. Noisy: the noise lies 10 dB below. Muffled: nothing above 1.5 kHz.)

# %%
with noted():
    pair = judging.beside(lab, find_speech())
print(pair.source)
found = judging.copies_measured(pair, verifier)
heard(None, judging.copies_heard(pair))

# %% [markdown]
# The simplest measure of a copy $\hat{s}$ takes the recording $s$ away and looks at what is left, once the scale is right
# (Le Roux et al. 2019, [arXiv:1811.02508](https://arxiv.org/abs/1811.02508)):
#
# $$ \text{SI-SNR} = 10 \log_{10} \frac{\lVert \alpha s \rVert^2}{\lVert \hat{s} - \alpha s \rVert^2}, \qquad
# \alpha = \frac{\hat{s}^\top s}{s^\top s} $$
#
# **Exercise 1.** Predict: which copy gets the *worst* SI-SNR, "delayed", "quieter", "noisy" or "muffled"?

# %% tags=["exercise"]
# BEGIN SOLUTION: prediction = None
prediction = "delayed"
# END SOLUTION

card = check.worst(prediction, found)
card

# %% [markdown]
# Four measures of the copies, and of a *clone* that says the sentence once more. SSIM compares two mel images, square by
# square (Wang et al. 2004); MCD is yours in a moment; the cosine compares voices. Which agree with your ear?

# %%
judging.table(found)

# %% [markdown]
# ## Who speaks
#
# A *verifier* makes a vector of a clip; the *cosine* $a^\top b / \lVert a \rVert \lVert b \rVert$ of two says how alike two
# voices are. Pairs of one speaker should lie above a threshold, pairs of two below. Where as many are refused wrongly as
# are accepted wrongly lies the *equal error*. Predict: what becomes of the cosines if the clips are longer?

# %% tags=["figure"]
voices = judging.voice_clips()
print(voices.source)
cosines = judging.by_length(verifier, voices.clips)
pair_scores({name: (found.same, found.different, found.threshold) for name, found in cosines.items()})

# %% [markdown]
# For the sample at five speeds: the same voice gets 0.74 with 1.6 s, 0.96 with 6 s, and the threshold climbs from 0.69 to
# 0.92. So "similarity above 0.85" says next to nothing without length and encoder. Of people, by another encoder (GE2E):
# 0.76, 0.83, 0.89. What helps is a scale with two natural ends: strangers, and the speaker's own other recordings.
#
# **Exercise 2.** Place a score: 0 at the floor (mean of other voices), 1 at the ceiling (natural speech of the speaker).


# %% tags=["exercise"]
def place(score, floor, ceiling):
    # BEGIN SOLUTION: return None
    return (score - floor) / (ceiling - floor)
    # END SOLUTION


card = check.placed(place)
card

# %%
rule, whose = check.placed.built(place, metrics.place)
print(f"The scale is {whose}.")
judging.standing(pair, voices.clips, verifier, rule)

# %% [markdown]
# ## When it is said
#
# Recording and clone say the same at another tempo. *Dynamic time warping* (Sakoe and Chiba 1978,
# [doi:10.1109/TASSP.1978.1163055](https://doi.org/10.1109/TASSP.1978.1163055)) finds the cheapest path through all pairs
# of frames. With the distance $d_{ij}$ of frame $i$ of one and $j$ of the other, the sums up to each cell are
#
# $$ D_{ij} = d_{ij} + \min(D_{i-1,j-1},\; D_{i-1,j},\; D_{i,j-1}). $$
#
# **Exercise 3.** `total` (A, B) holds the sums $D$. Find the path: pairs (i, j) from (0, 0) to the last corner.


# %% tags=["exercise"]
def path(total):
    # BEGIN SOLUTION: return None
    i, j = total.shape[0] - 1, total.shape[1] - 1
    steps = [(i, j)]
    while i or j:
        before = [(a, b) for a, b in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if a >= 0 and b >= 0]
        i, j = min(before, key=lambda cell: total[cell])
        steps.append((i, j))
    return steps[::-1]
    # END SOLUTION


card = check.path(path)
card

# %% tags=["figure"]
walk, whose = check.path.built(path, metrics.cheapest_path)
cost = metrics.costs(pair.natural, pair.made.wave)
picture = warping_path(cost, walk(metrics.summed(cost)), labels=("recording", "clone"), title=f"The path is {whose}")
heard(picture, {"recording": judging.Sound(pair.natural, 16000, pair.mark), "clone": pair.made})

# %% [markdown]
# A *mel cepstrum* $c_0, c_1, \dots$ writes the log spectrum of a frame as cosines, from the coarse to the fine; $c_0$ is the
# level. *Mel-cepstral distortion* (Kubichek 1993) is their mean distance over the $K$ pairs of the path, in dB:
#
# $$ \text{MCD} = \frac{10}{\ln 10} \, \frac1K \sum_{(i,j)} \sqrt{2 \textstyle\sum_{d \ge 1} (c_{i,d} - c'_{j,d})^2} $$
#
# **Exercise 4.** Write it: cepstra `one` (A, D) and `other` (B, D), and the K `pairs` of the path.


# %% tags=["exercise"]
def mcd(one, other, pairs):
    # BEGIN SOLUTION: return None
    steps = np.array(pairs)
    off = one[steps[:, 0], 1:] - other[steps[:, 1], 1:]
    return 10 / np.log(10) * np.sqrt(2 * (off**2).sum(axis=1)).mean()
    # END SOLUTION


card = check.mcd(mcd)
card

# %%
distortion, whose = check.mcd.built(mcd, metrics.distortion)
walk, _ = check.path.built(path, metrics.cheapest_path)
print(f"The measure is {whose}. Clone: {metrics.mcd(pair.natural, pair.made.wave, distortion, walk):.2f} dB")
for name, copy in judging.copies(pair.natural).items():
    print(f"{name}: {metrics.mcd(pair.natural, copy, distortion, walk):.2f} dB")

# %% [markdown]
# ## What is said
#
# A recogniser writes down what it hears; wrong, missing and added words over all words are the *word error*. Natural speech
# goes first: what is wrong there is the recogniser's. (Shipped results; here the sample stands for natural speech.)

# %%
words = word_results.load_words()
print(word_results.own_ears(pair.made.wave))
word_results.natural_first(words)

# %% [markdown]
# **Exercise 5.** *Retained accuracy*: the share of the natural accuracy that made speech has, $(1 - \text{error}) /
# (1 - \text{natural error})$. Pool errors and words over clips; an accuracy below 0 counts as 0. All four are (N,).


# %% tags=["exercise"]
def retained(errors, words, natural_errors, natural_words):
    # BEGIN SOLUTION: return None
    accuracy = max(0, 1 - errors.sum() / words.sum())
    return accuracy / (1 - natural_errors.sum() / natural_words.sum())
    # END SOLUTION


card = checks.retained(retained)
card

# %%
rule, whose = checks.retained.built(retained, metrics.retained)
print(f"The share is {whose}.")
word_results.by_recogniser(words, rule)

# %% [markdown]
# The worse the recogniser, the less seems lost: pocketsphinx, which gets 18.5 % of the *natural* words wrong, says that the
# clone retains 98.0 %; Whisper base, 93.5 %. Who fails on natural speech has little left to lose. On people's recordings
# (`docs/results.md`) the natural word error is 6.2 % by Whisper base, and 26 % by pocketsphinx.
#
# Mandarin is written in characters, many of which sound alike. Counted as syllables without tone, homophones are no
# errors; but neither is a wrong tone. Listen: which of these errors would you have noticed?

# %%
speech = lab.speak("秋天的夜里，我坐在窗前给街角的研究员写信，谢谢他的帮助。", pair.voice, "zh", candidates=1)
print(word_results.mandarin(words), word_results.written(words, "zh3", seed=1), sep="\n\n")
heard(None, {"Mandarin, by the clone": speech})

# %% [markdown]
# ## Fool a metric
#
# Move one thing at a time, look and listen. (GE2E and DNSMOS, a network's guess of an opinion, answer where they are
# installed.)

# %% tags=["widget"]
explorer = MetricExplorer(pair.natural, pair.reference, verifier, pair.mark)
explorer.view

# %% [markdown]
# **Exercise 6.** Find settings for which a metric says *much worse* where the ear, which hears the copy alone, says *the
# same*, or the reverse. `metric` is "SSIM", "SI-SNR", "MCD" or "cosine"; `settings` such as `{"noise": 30}`, of `delay`,
# `gain`, `noise`, `band`, `seconds`.

# %% tags=["exercise"]
# BEGIN SOLUTION: metric = settings = None
metric, settings = "SSIM", {"delay": 80}
# END SOLUTION

card = check.fooled(metric, settings, explorer)
card

# %% [markdown]
# ## How sure?
#
# Three systems copy speech with little care: they keep the magnitudes of frames of 30 ms (A), 18 ms (B), 40 ms (C). Your MCD
# judges 20 clips of five voices. For the mean $\bar{m}$ of the $S$ speakers' means, with their standard deviation $s$,
#
# $$ \bar{m} \pm t_{S-1} \, s / \sqrt{S} $$
#
# holds the mean of *all* speakers in 95 of 100 such studies. Clips of one voice resemble each other; voices are what varies.
#
# **Exercise 7.** Write it: `values` (N,), `speaker` (N,) names, and `t(degrees)`, the quantile -> (low, high).


# %% tags=["exercise"]
def interval(values, speaker, t):
    # BEGIN SOLUTION: return None
    means = np.array([values[speaker == name].mean() for name in np.unique(speaker)])
    half = t(len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return means.mean() - half, means.mean() + half
    # END SOLUTION


card = checks.interval(interval)
card

# %% tags=["figure"]
rule, whose = checks.interval.built(interval, metrics.interval)
distortion, _ = check.mcd.built(mcd, metrics.distortion)
copied = judging.copied(voices.clips, distortion)
judging.intervals_figure(copied, rule, f"MCD (dB); the intervals are {whose}")

# %% [markdown]
# For the sample at five speeds (the windows were chosen so that both cases can be seen): A and B overlap, 1.92 [1.67, 2.16]
# and 2.12 [1.91, 2.33], and still B is surely worse *on the same clips*, by 0.20 [0.14, 0.25]: what a voice adds to both
# drops out. And C seems worse than A by clips, 0.04 [0.01, 0.08]; by speakers, −0.01 to 0.10, it could be nothing. Twenty
# clips of five voices are five voices.
#
# **Exercise 8, stretch.** Real tables have holes. `first` and `second` give a number for the clips that a system has,
# `speaker` a name for every clip -> difference second - first over speakers, low, high (`t = metrics.t_quantile`).


# %% tags=["exercise"]
def advantage(first, second, speaker):
    # BEGIN SOLUTION: return None
    clips = [clip for clip in first if clip in second]
    off = np.array([second[clip] - first[clip] for clip in clips])
    who = np.array([speaker[clip] for clip in clips])
    means = np.array([off[who == name].mean() for name in np.unique(who)])
    half = metrics.t_quantile(len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return means.mean(), means.mean() - half, means.mean() + half
    # END SOLUTION


card = checks.advantage(advantage)
card

# %% [markdown]
# ## Further reading
#
# - Minixhofer et al. 2024, [arXiv:2407.12707](https://arxiv.org/abs/2407.12707): one score out of many measures. Huang et al.
#   2024, [arXiv:2411.03715](https://arxiv.org/abs/2411.03715): how far predicted opinions carry.
# - `gsv_lab/evaluation/measures/similarity.py`, `gsv_lab/evaluation/statistics/intervals.py`: the same for any system, by
#   `gsv-lab evaluate`. `docs/results.md`: nano by all of them, on people.
#
# Next: [11, Ask people](11_ask_people.ipynb): where numbers end.
