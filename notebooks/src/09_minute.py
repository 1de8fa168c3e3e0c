# %% [markdown]
# # 09 · One minute of a voice
#
# So far one clip made a voice, and nothing was trained. Now networks move: which, for how long, and was it worth it?
#
# **Afterwards you can**
# 1. judge recordings before you train on them, and say what each method moves;
# 2. read curves: choose a stopping step, and tell a rate too high, a repeater and a leak apart;
# 3. say with an interval whether a tuned voice is better than the zero-shot one.
#
# **You need** 05, and 10 for the interval (formulas are given). **Minutes** 75. **Difficulty** ●●○. **You will hear**
# spoiled clips, and a voice before and after a few steps. Runs offline.
#
# **Whose voice?** Tune your own, or that of a person who agreed to what you will do with it; `--consent` keeps a note on
# it in the voice file. Here it is the shipped sample: a synthesizer, nobody's voice.

# %% tags=["setup"]
import numpy as np

import gsv_lab
from gsv_lab.figures import diagram, moved_parameters, training_curves
from gsv_lab.teaching.exercises import minute, short_runs, tuning_kit, tuning_views, voice_runs
from gsv_lab.teaching.exercises import tuning as check
from gsv_lab.teaching.exercises import verdicts as checks
from gsv_lab.teaching.page import heard, noted
from gsv_lab.teaching.widgets.runs import RunChooser
from gsv_lab.training.fit import fit
from gsv_lab.training.runs import find

lab = gsv_lab.load(**short_runs.sizes().place)
work = minute.workplace()
shipped = voice_runs.load_runs()

# %%
diagram("speaker_encoder", "prior", "flow", "vocoder")

# %% [markdown]
# ## Judge first
#
# A minute is 3,000 frames: one bad clip in eight is an eighth of all that will ever be known of the voice.
# `gsv-lab prepare` cuts, measures and lists slices. (Of yours: `lab.prepare(["me.wav"], work / "mine")`.) The fit of the
# text is the mean log-probability of its phones where they were aligned.

# %%
with noted():
    prepared = minute.slices(lab, work)
minute.reported(prepared)

# %%
heard(None, minute.heard_slices(prepared, ["clip_2", "clip_3", "clip_5", "clip_6", "clip_8"]))

# %% [markdown]
# **Exercise 1.** Three slices were spoiled. Which ones do you leave out? A list of names.

# %% tags=["exercise"]
# BEGIN SOLUTION: poor = None
poor = ["clip_3", "clip_5", "clip_8"]
# END SOLUTION

card = check.judged(poor)
card

# %% [markdown]
# ## What moves
#
# *full* moves all parts that carry a voice; *speaker* the speaker vector and the layers that read it; *last:1* the last
# block of each stack that reads text. LoRA (Hu et al. 2021, [arXiv:2106.09685](https://arxiv.org/abs/2106.09685), section
# 4.1) leaves each weight $W$ (out, in) as it is and learns two thin matrices beside it:
#
# $$ W' = W + \frac{\alpha}{r} B A, \qquad A \in \mathbb{R}^{r \times \text{in}}, \; B \in \mathbb{R}^{\text{out} \times r} $$

# %% tags=["figure"]
moved_parameters(short_runs.counts(lab.family), title=f"{lab.version}: what learns")

# %% [markdown]
# **Exercise 2.** Write it. `begin(weight, rank)` gives A and B before the first step, when the voice must still be the
# base's; `updated(weight, A, B, alpha)` gives $W'$.


# %% tags=["exercise"]
def begin(weight, rank):
    # BEGIN SOLUTION: return None
    out, inside = weight.shape
    return weight.new_empty(rank, inside).normal_() / inside**0.5, weight.new_zeros(out, rank)
    # END SOLUTION


def updated(weight, A, B, alpha):
    # BEGIN SOLUTION: return None
    return weight + alpha / len(A) * B @ A
    # END SOLUTION


card = check.low_rank(begin, updated)
card

# %%
rule, whose = check.low_rank.built(updated, tuning_kit.updated, begin, updated)
print(f"The rule is {whose}.")
print(short_runs.one_layer(lab, rule))

# %% [markdown]
# ## A run
#
# A fine-tuning is a training like any other: a configuration, `fit`, a folder with event files. Now a few steps of
# *speaker* with small batches; 240 steps are usual. Losses: `mel` (nat), how far log-mels of waves made from the true
# latent lie off; `prior_mel`, the same from what the prior expects; `kl` (nat per frame), how badly prior and flow
# foretell the latent. (`voicing` and `f0` are of the pitch predictor, which is not tuned.) `train/` is of what is learnt
# from, `valid/` of a slice that is held out.

# %%
leave, whose = check.judged.built(poor, tuning_kit.POOR)
print(f"Left out: {', '.join(sorted(leave))} ({whose}).")
with noted():
    run = short_runs.short_run(lab, minute.leave_out(prepared, leave), work)
    fitted = fit(run.experiment, work / "runs" / "live", task=run.task, progress_bar=False)
(live,) = find(work / "runs")
print(f"tensorboard --logdir {work / 'runs'}    # opens beside this notebook; it has:")
short_runs.tags(live.scalars())

# %% [markdown]
# Beside it, runs of 240 steps on the whole sample, which were made once and shipped as their numbers:

# %% tags=["figure"]
print(*(run.command for run in (shipped["full"], shipped["lora"])), sep="\n")
chosen = {"full": shipped["full"], "LoRA": shipped["lora"], "speaker, live": live}
training_curves(tuning_views.panels(chosen, ["train/kl", "valid/kl", "valid/mel"]), unit="step")

# %% [markdown]
# All of them, two at a time, with what their settings differ in. (`full_again` has another seed, `gpt` is SemanticGPT.)

# %% tags=["widget"]
chooser = RunChooser(shipped | {"live": live})
chooser.view

# %% [markdown]
# **Exercise 3.** When should one stop? `trained` and `held_out` are (step, loss) pairs. Two seeds differ by about
# `margin`; within it no step is better than another, and fewer steps forget less.


# %% tags=["exercise"]
def stop(trained, held_out, margin):
    # BEGIN SOLUTION: return None
    lowest = min(loss for _, loss in held_out)
    return next(step for step, loss in held_out if loss <= lowest + margin)
    # END SOLUTION


card = check.stopped(stop)
card

# %%
rule, whose = check.stopped.built(stop, tuning_kit.stop)
print(f"The rule is {whose}.")
tuning_views.stops(shipped, rule)

# %% [markdown]
# `full` and `full_again`, two seeds of one run, stop far apart: their curves are flat, and what seeds differ by decides.
# What the steps are worth is asked below, of what they say.
#
# **Exercise 4.** Three ill runs. One had a learning rate 25 times too high; one learnt by heart what it was given; in
# one a copy of the held-out slice lay among those to learn from. `diagnosis = {"A": ..., "B": ..., "C": ...}`, each of
# "rate too high", "repeater", "leak".

# %% tags=["figure"]
patients = {letter: shipped[name] for letter, name in voice_runs.BLIND.items()}
training_curves(
    tuning_views.panels({"full": shipped["full"]} | patients, ["train/kl", "valid/kl", "valid/mel"]), unit="step"
)

# %% tags=["exercise"]
# BEGIN SOLUTION: diagnosis = None
diagnosis = {"A": "leak", "B": "rate too high", "C": "repeater"}
# END SOLUTION

card = check.diagnosed(diagnosis)
card

# %% [markdown]
# ## Was it worth it?
#
# Before and after, of the few steps of this page. A whole run, a few minutes here, is one command:
# `gsv-lab finetune FOLDER --method lora --output me.safetensors`.

# %%
with noted():
    before, *after = short_runs.voices(lab, run.store, short_runs.checkpoints(work / "runs" / "live")).values()
text = "My cousin thinks that reading a good book beside the fire is a real treasure."
said = {voice.name: lab.speak(text, voice, "en", candidates=1) for voice in (before, *after)}
heard(None, said)

# %% [markdown]
# **Exercise 5.** `before` and `after` (N,) are cosines of the same N sentences, zero-shot and tuned. Is the tuned voice
# better? True only if the t interval of the mean difference lies above 0: $\bar d - t_{N-1} \, s_d / \sqrt N > 0$.


# %% tags=["exercise"]
def better(before, after, t):
    # BEGIN SOLUTION: return None
    off = after - before
    return off.mean() - t(len(off) - 1) * off.std(ddof=1) / np.sqrt(len(off)) > 0
    # END SOLUTION


card = checks.better(better)
card

# %% tags=["figure"]
rule, whose = checks.better.built(better, tuning_kit.better)
print(f"The rule is {whose}.")
spoken = voice_runs.load_spoken()
tuning_views.gains(spoken, rule)

# %% [markdown]
# Small gains, beside a cosine of 0.93 before: 0.019 at most. All three runs are best after 60 steps, and then the repeater
# (`long`) loses what it had gained, its held-out `kl` turned at 80: from 120 on it could be nothing. LoRA, with a sixteenth
# of what *full* moves, gains as much. And *full* loses too (from 60 to 240 steps 0.010, surely: 0.007 to 0.012), while its
# held-out losses still fall: they are of recordings with true codes, not of new sentences. Measure what you want.
#
# **Exercise 6, stretch.** Does it *repeat*? `made` (N, D) are frames that a voice made, `heard` (M, D) of a clip that was
# learnt from, `fresh` (M, D) of one that was held out. Give the share of made frames whose nearest frame is a heard one.


# %% tags=["exercise"]
def copied(made, heard, fresh):
    # BEGIN SOLUTION: return None
    near = [np.linalg.norm(made[:, None] - frames[None], axis=-1).min(axis=1) for frames in (heard, fresh)]
    return (near[0] < near[1]).mean()
    # END SOLUTION


card = checks.copied(copied)
card

# %%
rule, whose = checks.copied.built(copied, tuning_kit.copied)
print(f"The measure is {whose}.")
tuning_views.repeats(run.store, said, spoken, rule)

# %% [markdown]
# The zero-shot voices, which learnt nothing, have 47 and 48 %. With every checkpoint the repeater's share grows, to 59 %;
# *full* ends at 50, LoRA at 48.
#
# ## How many seconds?
#
# Two people who are not in the package, of each of whom more and more was tuned on, LoRA for 120 steps, without looking
# whether it got better. Sentences are compared with other recordings of theirs.

# %% tags=["figure"]
tuning_views.more_speech(voice_runs.load_seconds())

# %% [markdown]
# A (English) gains at every length, B (Mandarin) loses at every length, each less the more speech there is. Two people are
# no law of seconds, but a warning: *fine-tuned* is no synonym of *better*. That is why `gsv-lab finetune` ends with a
# verdict, and may answer that the zero-shot voice stays.
#
# ## The released weights
#
# The methods find parts by their roles, so they fit the released networks as well; `docs/released.md` says how weights
# are imported. Where there are none, a table says what is missing. On a graphics card `GSV_LAB_PROFILE=gpu` makes the runs
# of this page whole and in bf16; LoRA then tunes the released SoVITS too, and the title has its time a step and its memory.

# %%
with noted():
    answer = short_runs.released(prepared.folder, work / "released")
answer

# %% [markdown]
# ## Further reading
#
# - Hu et al. 2021, [arXiv:2106.09685](https://arxiv.org/abs/2106.09685).
# - `gsv_lab/training/finetuning/methods.py`, `gsv_lab/inference/adapters.py`: methods, and what a voice keeps of them.
#   `docs/training.md`: every loss, what over-fitting sounds like, memory and time.
#
# Next: **10, Numbers that stand for ears**: what the cosine hears, and what it does not.
