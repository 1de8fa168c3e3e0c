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
# **You need** 00 and 04. **Minutes** 60. **Difficulty** ●●○. Runs offline on a laptop.
#
# **You will hear** one sentence from two mouths, in English and in Mandarin, then without text, without codes and
# without a voice.

# %% tags=["setup"]
import gsv_lab
from gsv_lab import figures
from gsv_lab.evaluation.measures.prosody import tracked_pitch
from gsv_lab.hooks import zero
from gsv_lab.teaching.exercises import timbre as check
from gsv_lab.teaching.exercises.answers import as_edits
from gsv_lab.teaching.exercises.cloning import pooled_voice, voice_of
from gsv_lab.teaching.exercises.distances import content_likeness, log_mel, mel_distance
from gsv_lab.teaching.exercises.excerpt import excerpt
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.exercises.prior_alignment import alignment_tap, phone_weights
from gsv_lab.teaching.exercises.voices import second_voice
from gsv_lab.teaching.page import heard, noted, shapes
from gsv_lab.teaching.widgets.blend import BlendExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
part, other = excerpt(lab, recording), second_voice(recording)
print(f"{part.phones.text}\n{part.source}\nThe second voice: {other.source}")
figures.diagram("speaker_encoder", "prior")

# %% [markdown]
# ## A voice as one vector
#
# The speaker encoder reads a recording and gives 192 values $h_t$ for every frame, 50 times a second. The voice is
# their mean over time, where $m_t$ is 1 at true frames and 0 at padding:
#
# $$ s = \frac{\sum_t m_t\, h_t}{\sum_t m_t} $$
#
# What comes and goes with the phones should cancel out, what is always there should remain
# ([Min et al. 2021](https://arxiv.org/abs/2106.03153), sec. 3.1). Nano puts what it measures behind the learned values:
# 24 for the long-term average spectrum (LTAS), and one for the median pitch.

# %% tags=["figure"]
with gsv_lab.probe(lab, "speaker_encoder*.frames", "speaker_encoder*.speaker") as records:
    lab.family.synthesizer.voice([part.wave])
frames = [record for name, record in records.items() if name.endswith("frames")][0]
heard(
    frames.show(phones=part.phones, start=part.start, end=part.end),
    {"recording": (part.wave, lab.sample_rate), "second voice": (other.wave, 16000)},
)

# %%
shapes(records)

# %% [markdown]
# Level lines are the voice; whatever follows the phones is averaged away.
#
# **Exercise 1.** Write the mean. Recordings of a batch differ in length: `frames` is (B, G, F), `mask` is (B, 1, F), and
# the result is (B, G, 1). The cell below makes both voices with it, which speak from there on.


# %% tags=["exercise"]
def pool(frames, mask):
    # BEGIN SOLUTION: return None
    return (frames * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)
    # END SOLUTION


card = check.pool(pool)
card

# %%
pooled, whose = check.pool.built(pool, check.mean_over_time)
mine, theirs = (pooled_voice(lab, wave, pooled) for wave in (part.wave, other.wave))
print(f"the mean is {whose}")

# %% [markdown]
# ## The same codes from another mouth
#
# **Exercise 2.** Before you listen: the codes of the recording are spoken again, once with its own vector and once with
# that of the second voice. Nothing else changes. What will move: the `"height"` of the pitch curve, its `"shape"` (when
# it rises and falls), `"both"` or `"none"`?

# %% tags=["exercise"]
# BEGIN SOLUTION: moved = None
moved = "height"
# END SOLUTION
card = check.moved(moved)
card

# %% tags=["figure"]
as_me = lab.resynthesize(part.wave, part.phones, mine)
as_other = lab.resynthesize(part.wave, part.phones, theirs)
curves = {"own voice": tracked_pitch(as_me.wave.numpy()), "second voice": tracked_pitch(as_other.wave.numpy())}
text = "夏天的傍晚，弟弟在河边画画，我们一起喝茶。"  # A summer evening: my brother paints by the river, we drink tea.
with noted():
    mandarin = [lab.speak(text, voice_of(lab, part, speaker), "zh") for speaker in (mine, theirs)]
sounds = {"own voice": as_me, "second voice": as_other, "own, Mandarin": mandarin[0], "second, Mandarin": mandarin[1]}
heard(figures.f0_overlay(curves, 100), sounds)

# %% [markdown]
# With the shipped material the second curve has the same shape, twice as high (medians of 103 and 204 Hz). The same
# vectors speak Mandarin, a language that neither recording has.
#
# **Exercise 3.** How far did it move? Two pitch curves (F,) in Hz, 0 where there is no voice. Give the distance of
# their medians in semitones, positive if the second is higher: an octave, twice the frequency, has 12.


# %% tags=["exercise"]
def semitones(before, after):
    # BEGIN SOLUTION: return None
    low, high = (curve[curve > 0].median() for curve in (before, after))
    return 12 * (high / low).log2()
    # END SOLUTION


card = check.semitones(semitones)
card

# %% [markdown]
# ## Where the three meet
#
# The prior has to say which latent to expect. In nano the text leads: every frame $t$ is given its own phone $a(t)$,
# how far that phone has come, and how long it lasts, together $e_{a(t)}$. Codes $q_t$ and voice $s$ are added, and a
# few layers make mean and scale of it:
#
# $$ x_t = e_{a(t)} + W_q\, q_t + W_s\, s, \qquad (\mu_t, \log\sigma_t) = \mathrm{layers}(x)_t $$
#
# ([FastSpeech](https://arxiv.org/abs/1905.09263) calls the step from phones to frames a length regulator.) When nano
# speaks, the plan of 04 says $a(t)$; here it is found in the recording. The released families are given no alignment:
# their frames ask for their phones by attention
# ([Vaswani et al. 2017](https://arxiv.org/abs/1706.03762), eq. 1), in a block that GPT-SoVITS calls MRTE:
#
# $$ \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right) V $$
#
# Below: which phone each frame gets; white boxes show when each is really spoken. A code lasts two frames, so borders
# are rounded. (With a released family it is the mean of the heads, and blurred.)

# %% tags=["figure"]
tap = alignment_tap(lab)
with gsv_lab.probe(lab, tap) as clean:
    lab.resynthesize(part.wave, part.phones, mine)
alignment = phone_weights(clean[tap])
picture = figures.alignment(alignment, 50, part.phones.symbols, true_start=part.start, true_end=part.end)
heard(picture, {"recording": (part.wave, lab.sample_rate)})

# %% [markdown]
# **Exercise 4.** Read it: `alignment` is (F, P), what share of each phone a frame gets. Find the phone that has most of
# each frame, and count the frames of each phone, (P,). A frame without any phone has a row of zeros, and counts for
# none; phones without any frame count 0.


# %% tags=["exercise"]
def frames_per_phone(alignment):
    # BEGIN SOLUTION: return None
    known = alignment[alignment.sum(-1) > 0]
    return known.argmax(-1).bincount(minlength=alignment.shape[-1])
    # END SOLUTION


card = check.frames_per_phone(frames_per_phone)
card

# %% [markdown]
# ## Take one away
#
# To learn what a part is for, do without it: *ablation*. Each of the three is replaced by zeros in turn.
#
# **Exercise 5.** Before you look: which of the three, taken away, gives frames other phones, so that the alignment
# above is another? `"text"`, `"codes"`, `"voice"`, or `"none"` of them?

# %% tags=["exercise"]
# BEGIN SOLUTION: moves = None
moves = "none"
# END SOLUTION
card = check.unmoved(moves)
card

# %% tags=["figure"]
ablations = {"as it is": ([], mine), "no text": ([zero("prior.text")], mine)}
ablations |= {"no codes": ([zero("prior.content")], mine), "no voice": ([], 0 * mine)}
mels, sounds = {}, {"recording": (part.wave, lab.sample_rate)}
for name, (removed, voice) in ablations.items():
    with gsv_lab.probe(lab, edits=removed):
        sounds[name] = made = lab.resynthesize(part.wave, part.phones, voice)
    mels[name] = (log_mel(made.wave, lab.sample_rate), 100)
    alike, far = content_likeness(lab, part.wave, made.wave), mel_distance(lab, part.wave, made.wave)
    print(f"{name:9} content {alike:4.0%} like that of the recording; mel {far:.2f} nats away from it")
heard(figures.feature_stack(part.wave, lab.sample_rate, mels, part.phones.symbols, part.start, part.end), sounds)

# %% [markdown]
# The content is measured by the network that made the codes, so not independently of them. With the shipped sample the
# text is missed most (from 85 to 69 % alike), the codes less (77 %); without a voice the words are there (72 %) and the
# mel is far off (3.8 nats). Zero is a blunt tool: a vector of zeros is no average voice, it is one that the network has
# never met. Notebook 08 has finer ones.
#
# **Exercise 6.** One phone at a time. Take one phone out of the alignment, whichever you like, and only that one:
# `zero(target, axis=number)` takes the name of an axis. (`tap` is the name of the target, its axes are `batch`, `frame`
# and `phone`.)

# %% tags=["exercise"]
# BEGIN SOLUTION: edits = []
edits = [zero(tap, phone=int(alignment.sum(0).argmax()))]
# END SOLUTION
with gsv_lab.probe(lab, tap, edits=as_edits(edits)) as without:
    lab.resynthesize(part.wave, part.phones, mine)
card = check.one_phone(clean[tap], without[tap])
card

# %% [markdown]
# **Exercise 7, stretch.** A microphone and a room multiply the spectrum by a gain $H_b$ in each mel band $b$. In a
# log-mel the gain is added: $X_b(t) = S_b(t) + \log H_b$. Write the function that takes away whatever is the same at
# all times, so that two microphones give one picture: the mean of each band, over voiced frames only, is subtracted
# (cepstral mean subtraction, Furui 1981). `mel` is (M, F), `voiced` is (F,) of bools. Nano does so with its LTAS: it is
# taken out of what the networks read, and put back by the vocoder.


# %% tags=["exercise"]
def without_room(mel, voiced):
    # BEGIN SOLUTION: return None
    return mel - mel[:, voiced].mean(1, keepdim=True)
    # END SOLUTION


card = check.channel(without_room)
card

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
# ## Further reading
#
# - Min et al. 2021, [Meta-StyleSpeech](https://arxiv.org/abs/2106.03153), sec. 3.1: the speaker encoder.
# - Desplanques et al. 2020, [ECAPA-TDNN](https://arxiv.org/abs/2005.07143), sec. 3.1: a mean in which frames have
#   weights.
# - Ren et al. 2019, [FastSpeech](https://arxiv.org/abs/1905.09263): phones spread over frames.
# - `gsv_lab/nn/speaker_encoder.py`: frames, and their mean in the last line of `StyleEncoder`;
#   `gsv_lab/extensions/ltas.py`: exercise 7 in the kit.
# - `gsv_lab/extensions/aligned_prior.py`: the three-way mix is one sum; `gsv_lab/nn/prior.py`: that of the released
#   families, with attention.
#
# Next: **06, From latent to sound**. The prior only says what to expect; what is made of it?
