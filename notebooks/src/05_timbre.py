# %% [markdown]
# # 05 · Timbre and the three-way mix
#
# Codes say what is spoken. Who speaks comes from somewhere else, and the two meet in one place.
#
# **Afterwards you can**
# 1. make one voice out of many frames, blend two voices, and measure what moved;
# 2. read which phone a frame attends to;
# 3. say what text, codes and voice each bring to the mix, because you took each of them away.
#
# **You need** 00 and 04. **Minutes** 45. Runs offline on a laptop.

# %%
import gsv_lab
from gsv_lab import figures
from gsv_lab.evaluation.prosody import tracked_pitch
from gsv_lab.hooks import zero
from gsv_lab.teaching.exercises import timbre as check
from gsv_lab.teaching.exercises.distances import content_likeness, mel_distance
from gsv_lab.teaching.exercises.excerpt import excerpt
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.exercises.voices import second_voice
from gsv_lab.teaching.widgets.blend import BlendExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
part, other = excerpt(lab, recording), second_voice(recording)
print(f"{part.phones.text}\n{part.source}\nThe second voice: {other.source}")

# %% [markdown]
# ## A voice as one vector
#
# The speaker encoder reads a recording and gives 192 values for every frame, 50 times a second. Then it takes the mean
# over time: one vector, the *speaker*. What comes and goes with the phones should cancel out, what is always there
# should remain. (Nano then adds what is measured of the voice at the end: 24 values for its long-term average
# spectrum, LTAS, and one for its median pitch.)

# %% tags=["figure"]
with gsv_lab.probe(lab, "speaker_encoder*.frames") as records:
    mine = lab.family.synthesizer.voice([part.wave])
theirs = lab.family.synthesizer.voice([other.wave])
[*records.values()][0].show(phones=part.phones, start=part.start, end=part.end)

# %% [markdown]
# Level lines are the voice; whatever follows the phones is averaged away.
#
# **Exercise 1.** Write the mean. Recordings of a batch differ in length: `frames` is (B, G, F), and `mask` (B, 1, F)
# is 1 at true frames and 0 at padding. The result is (B, G, 1).


# %% tags=["exercise"]
def pool(frames, mask):
    # BEGIN SOLUTION: return None
    return (frames * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
    # END SOLUTION


check.pool(pool)

# %% [markdown]
# ## The same codes from another mouth
#
# Now the codes of the recording are spoken again: once with its own vector, once with that of the second voice.
# Nothing else changes. What moves: the shape of the pitch curve, its height, or both?

# %% tags=["figure"]
as_me = lab.resynthesize(part.wave, part.phones, mine)
as_other = lab.resynthesize(part.wave, part.phones, theirs)
curves = {"own voice": tracked_pitch(as_me.wave.numpy()), "second voice": tracked_pitch(as_other.wave.numpy())}
figures.f0_overlay(curves, 100)

# %% [markdown]
# **Exercise 2.** How far did it move? Two pitch curves (F,) in Hz, 0 where there is no voice. Give the distance of
# their medians in semitones: an octave, twice the frequency, has 12. (Tensors have `.median()` and `.log2()`.)


# %% tags=["exercise"]
def semitones(before, after):
    # BEGIN SOLUTION: return None
    low, high = (curve[curve > 0].median() for curve in (before, after))
    return 12 * (high / low).log2()
    # END SOLUTION


check.semitones(semitones)

# %% [markdown]
# ## Where the three meet
#
#     codes ──> content ──query──> attention over phones ──mixture─> + ──> fused ──> mean and scale of the latent
#                  └─────────────────────────────────────────────────┤
#     phones ─> text (keys, values)            voice ────────────────┘
#
# The prior has to say which latent to expect. Codes are coarse and sometimes wrong, so every frame of content attends
# to the phones of the text: *cross-attention*. Content, the mixture of phones, and voice are added up.
#
# Below: which phone each frame attends to, mean of the heads; white boxes show when each phone is really spoken.
# Nano's prior is also given which phone each code speaks (from the monotonic alignment of 04), and adds that phone.
# So this attention need not find it. Is it diagonal, all the same?

# %% tags=["figure"]
with gsv_lab.probe(lab, "prior.cross_attention.pattern") as clean:
    lab.resynthesize(part.wave, part.phones, mine)
pattern = clean["prior.cross_attention.pattern"].mean("head").value[0]
figures.alignment(pattern, 50, part.phones.symbols, true_start=part.start, true_end=part.end)

# %% [markdown]
# **Exercise 3.** Read it: `pattern` is (H, F, P), weights of every head, frame and phone. Average the heads, find the
# phone that each frame attends to most, and count the frames of each phone, (P,). Phones without any frame count 0.


# %% tags=["exercise"]
def frames_per_phone(pattern):
    # BEGIN SOLUTION: return None
    return pattern.mean(0).argmax(-1).bincount(minlength=pattern.shape[-1])
    # END SOLUTION


check.frames_per_phone(frames_per_phone)

# %% [markdown]
# ## Take one away
#
# To learn what a part is for, do without it: *ablation*. Each of the three is replaced by zeros in turn. Two numbers
# say what it cost: how alike the content is to that of the recording (measured by the network that made the codes, so
# not independent of them), and how far the mel is from it.
#
# **Exercise 4.** Before you look: one of the three leaves the alignment *exactly* as it is. `"text"`, `"codes"` or
# `"voice"`? The sketch above shows it.

# %% tags=["exercise"]
# BEGIN SOLUTION: unneeded = None
unneeded = "voice"
# END SOLUTION
check.unchanged(unneeded)

# %% tags=["figure"]
ablations = {"as it is": ([], mine), "no text": ([zero("prior.text")], mine)}
ablations |= {"no codes": ([zero("prior.content")], mine), "no voice": ([], 0 * mine)}
patterns = {}
for name, (removed, voice) in ablations.items():
    with gsv_lab.probe(lab, "prior.cross_attention.pattern", edits=removed) as seen:
        made = lab.resynthesize(part.wave, part.phones, voice)
    patterns[name] = seen["prior.cross_attention.pattern"].mean("head").value[0]
    alike, far = content_likeness(lab, part.wave, made.wave), mel_distance(lab, part.wave, made.wave)
    print(f"{name:9} content {alike:4.0%} like that of the recording; mel {far:.2f} nats away from it")
figures.alignments(patterns, 50, part.phones.symbols)

# %% [markdown]
# Zero is a blunt tool: a vector of zeros is no average voice, it is one that the network has never met. Notebook 08
# has finer ones.
#
# **Exercise 5.** One head at a time. Make head 1 of the cross-attention silent, and only that one:
# `zero(target, axis=number)` takes the name of an axis.

# %% tags=["exercise"]
# BEGIN SOLUTION: edits = []
edits = [zero("prior.cross_attention.pattern", head=1)]
# END SOLUTION
with gsv_lab.probe(lab, "prior.cross_attention.pattern", edits=edits) as silenced:
    lab.resynthesize(part.wave, part.phones, mine)
check.one_head(clean["prior.cross_attention.pattern"], silenced["prior.cross_attention.pattern"])

# %% [markdown]
# ## Blend
#
# Between two vectors lie others, and beyond them caricatures. Is the voice half way a person you can imagine? Switch
# the text off, then the codes: which of them keeps the words, which makes them clear? Does any head matter alone?

# %% tags=["widget"]
explorer = BlendExplorer(lab, part, mine, theirs)
explorer.view

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/nn/speaker_encoder.py`: frames, and their mean in the last line.
# - `gsv_lab/nn/prior.py`: the three-way mix is one sum.
# - `gsv_lab/hooks/edits.py`: what else an edit can do.
#
# Next: **06, From latent to sound**. The prior only says what to expect; what is made of it?
