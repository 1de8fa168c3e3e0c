# %% [markdown]
# # 05 · Timbre and the three-way mix
#
# Codes say what is spoken. Who speaks comes from somewhere else, and the two meet in one place.
#
# **Afterwards you can**
# 1. make one voice out of many frames, blend two voices, and measure what moved;
# 2. read which phone each frame is given;
# 3. say what text, codes and voice each bring to the mix, because you took each of them away.
#
# **You need** 00 and 04. **Minutes** 45. Runs offline on a laptop.

# %%
import gsv_lab
from gsv_lab import figures
from gsv_lab.evaluation.prosody import tracked_pitch
from gsv_lab.hooks import zero
from gsv_lab.teaching.exercises import timbre as check
from gsv_lab.teaching.exercises.distances import content_likeness, log_mel, mel_distance
from gsv_lab.teaching.exercises.excerpt import excerpt
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.exercises.prior_alignment import alignment_tap, phone_weights
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
#     phones ─> text ──alignment──> each frame's own phone ─> + ──> fused ──> mean and scale of the latent
#     codes ──> content ──────────────────────────────────────┤
#     voice ──────────────────────────────────────────────────┘
#
# The prior has to say which latent to expect. In nano the text leads: every frame is given its own phone, how far that
# phone has come, and how long it lasts. When nano speaks, the plan of 04 says which phone that is; here it is found in
# the recording. Codes are added, and so is the voice. Codes are coarse and sometimes wrong; in training they were often
# missing, or those of another clip, so that the prior should not lean on them.
#
# Below: which phone each frame gets; white boxes show when each phone is really spoken. A code lasts two frames, so
# borders are rounded. (The released families are given no alignment. Their frames have to find their phones by
# *cross-attention*, `prior.cross_attention.pattern`, which is blurred; with them this figure shows the mean of its
# heads.)

# %% tags=["figure"]
tap = alignment_tap(lab)
with gsv_lab.probe(lab, tap) as clean:
    lab.resynthesize(part.wave, part.phones, mine)
alignment = phone_weights(clean[tap])
figures.alignment(alignment, 50, part.phones.symbols, true_start=part.start, true_end=part.end)

# %% [markdown]
# **Exercise 3.** Read it: `alignment` is (F, P), what share of each phone a frame gets. Find the phone that has most of
# each frame, and count the frames of each phone, (P,). A frame without any phone has a row of zeros, and counts for
# none; phones without any frame count 0. (Tensors have `.argmax()` and `.bincount()`.)


# %% tags=["exercise"]
def frames_per_phone(alignment):
    # BEGIN SOLUTION: return None
    known = alignment[alignment.sum(-1) > 0]
    return known.argmax(-1).bincount(minlength=alignment.shape[-1])
    # END SOLUTION


check.frames_per_phone(frames_per_phone)

# %% [markdown]
# ## Take one away
#
# To learn what a part is for, do without it: *ablation*. Each of the three is replaced by zeros in turn. Two numbers
# say what it cost: how alike the content is to that of the recording (measured by the network that made the codes, so
# not independent of them), and how far the mel is from it.
#
# **Exercise 4.** Before you look: which of the three, taken away, gives frames other phones, so that the alignment
# above is another? `"text"`, `"codes"`, `"voice"`, or `"none"` of them? The sketch above shows it.

# %% tags=["exercise"]
# BEGIN SOLUTION: moves = None
moves = "none"
# END SOLUTION
check.unmoved(moves)

# %% tags=["figure"]
ablations = {"as it is": ([], mine), "no text": ([zero("prior.text")], mine)}
ablations |= {"no codes": ([zero("prior.content")], mine), "no voice": ([], 0 * mine)}
mels = {}
for name, (removed, voice) in ablations.items():
    with gsv_lab.probe(lab, edits=removed):
        made = lab.resynthesize(part.wave, part.phones, voice)
    mels[name] = (log_mel(made.wave, lab.sample_rate), 100)
    alike, far = content_likeness(lab, part.wave, made.wave), mel_distance(lab, part.wave, made.wave)
    print(f"{name:9} content {alike:4.0%} like that of the recording; mel {far:.2f} nats away from it")
figures.feature_stack(part.wave, lab.sample_rate, mels, part.phones.symbols, part.start, part.end)

# %% [markdown]
# Which of the three do the words need, and which only makes them clearer? Zero is a blunt tool: a vector of zeros is no
# average voice, it is one that the network has never met. Notebook 08 has finer ones.
#
# **Exercise 5.** One phone at a time. Take one phone out of the alignment, whichever you like, and only that one:
# `zero(target, axis=number)` takes the name of an axis. (`tap` is the name of the target, its axes are `batch`, `frame`
# and `phone`.)

# %% tags=["exercise"]
# BEGIN SOLUTION: edits = []
edits = [zero(tap, phone=int(alignment.sum(0).argmax()))]
# END SOLUTION
with gsv_lab.probe(lab, tap, edits=edits) as without:
    lab.resynthesize(part.wave, part.phones, mine)
check.one_phone(clean[tap], without[tap])

# %% [markdown]
# ## Blend
#
# Between two vectors lie others, and beyond them caricatures. Is the voice half way a person you can imagine? Switch
# the text off, then the codes: which of them keeps the words, which makes them clear? Take single words out of the
# alignment (several with Ctrl or Shift): what is spoken in their place, and for how long?

# %% tags=["widget"]
explorer = BlendExplorer(lab, part, mine, theirs)
explorer.view

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/nn/speaker_encoder.py`: frames, and their mean in the last line.
# - `gsv_lab/extensions/aligned_prior.py`: the three-way mix is one sum; `gsv_lab/nn/prior.py`: that of the released
#   families, with attention.
# - `gsv_lab/hooks/edits.py`: what else an edit can do.
#
# Next: **06, From latent to sound**. The prior only says what to expect; what is made of it?
