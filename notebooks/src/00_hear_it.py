# %% [markdown]
# # 00 · Hear it, see it, poke it
#
# A voice is cloned from one recording, says something new, and lets you look inside while it does.
#
# **Afterwards you can**
# 1. make speech in a given voice with three lines of Python;
# 2. name the five parts of the pipeline and what passes between them;
# 3. watch one of them at work, and change what it does.
#
# **You need** Python; loudspeakers or headphones. **Minutes** 40. **Difficulty** ●○○. Runs offline on a laptop,
# without a graphics card.
#
# **You will hear** one voice in English and Mandarin, with chance, pitch and melody changed, and your own texts.

# %% tags=["setup"]
import gsv_lab
from gsv_lab import figures
from gsv_lab.hooks import mean, scale
from gsv_lab.teaching.exercises import hear as check
from gsv_lab.teaching.exercises.answers import as_edits
from gsv_lab.teaching.exercises.distances import log_mel
from gsv_lab.teaching.exercises.material import find_speech, timed_phones
from gsv_lab.teaching.page import heard, noted, shapes
from gsv_lab.teaching.widgets.edits import EditExplorer
from gsv_lab.teaching.widgets.record import RecordYourself
from gsv_lab.teaching.widgets.voice import VoiceExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav")
recording

# %% [markdown]
# ## Hear it
#
# `clone` runs a few networks over the recording once; nothing is trained. `speak` then says any text.
# Nano is small, and does not sound like a studio recording. It learned English and Mandarin, and a voice that it heard
# in one speaks the other, too.

# %%
with noted():
    voice = lab.clone(recording.path)
text = "The morning train was late, so we walked along the river."
speech = lab.speak(text, voice, seed=0, candidates=1)
mandarin = lab.speak("今天早上的火车晚了，我们就沿着河边走。", voice, seed=0)
heard(None, {"the recording": recording, "something new": speech, "the same in Mandarin": mandarin})

# %% [markdown]
# ## The parts
#
# Boxes are networks, words in italics pass between them, dashed lines exist in training only.

# %%
figures.diagram("speaker_encoder", "content_encoder", "semantic_gpt", "prior", "vocoder")

# %% [markdown]
# SemanticGPT writes *codes* $c_1, c_2, \dots$, numbers that stand for what is said, 25 a second. It is a language model
# whose text is the phones $x$, and the codes $\tilde c$ of the reference are its prompt:
#
# $$ p(c \mid x, \tilde c) = \prod_n p(c_n \mid c_{<n},\ x,\ \tilde c) $$
#
# (VALL-E, [arXiv:2301.02111](https://arxiv.org/abs/2301.02111), equation 1.) From codes, phones and the speaker vector
# $g$ the *prior* expects a latent, a normal distribution for each of 50 frames a second; a *flow* $f$, which can be run
# backwards, gives it a finer shape; the *vocoder* makes the wave of it:
#
# $$ z_p \sim \mathcal N\big(\mu(c, x, g),\ \sigma(c, x, g)\big), \qquad z = f^{-1}(z_p; g), \qquad
# \text{wave} = \text{vocoder}(z, g) $$
#
# (VITS, [arXiv:2106.06103](https://arxiv.org/abs/2106.06103), equation 4 and figure 1b.) GPT-SoVITS is these two in a
# row: [the published system](https://github.com/RVC-Boss/GPT-SoVITS). Here is what passed while one sentence was spoken.

# %%
watched = ("semantic_gpt.logits", "prior.phone_alignment", "prior.mean", "flow.z", "vocoder.f0", "*.wave")
with gsv_lab.probe(lab, *watched) as records:
    lab.speak(text, voice, seed=0)
for name, part in lab.components().items():
    print(f"{name:20} {sum(p.numel() for p in part.parameters()) / 1e6:5.2f} million weights")
shapes(records)

# %% [markdown]
# **Exercise 1.** Which part does what? Answer with names from the list above, in quotes.

# %% tags=["exercise"]
# BEGIN SOLUTION: who_speaks = what_is_said = text_to_codes = codes_to_latent = latent_to_wave = None
who_speaks, what_is_said = "speaker_encoder", "content_encoder"
text_to_codes, codes_to_latent, latent_to_wave = "semantic_gpt", "prior", "vocoder"
# END SOLUTION
card = check.parts(who_speaks, what_is_said, text_to_codes, codes_to_latent, latent_to_wave)
card

# %% [markdown]
# ## See it
#
# The sentence at four stations, on one time axis. Which phones keep one code for long, and which never do?

# %% tags=["figure"]
phones, times = timed_phones(lab, speech)
mel = log_mel(speech.wave, speech.sample_rate)
stations = (speech.codes, 25, mel, 100, speech.wave, speech.sample_rate)
heard(figures.pipeline_strip(phones, times.start, times.end, *stations), {"the sentence": speech})

# %% [markdown]
# **Exercise 2.** How many samples of the wave does one code become?

# %% tags=["exercise"]
# BEGIN SOLUTION: samples = None
samples = 16000 // 25
# END SOLUTION
card = check.samples_per_code(samples)
card

# %% [markdown]
# **Exercise 3.** Chance plays a part: random numbers are drawn, and `seed` decides which. The same text in the same
# voice with three seeds: what differs? `"words"`, `"voice"`, `"length"` or `"codes"`? Answer before you listen.

# %% tags=["exercise"]
# BEGIN SOLUTION: differs = None
differs = "codes"
# END SOLUTION
card = check.chance(differs)
card

# %% tags=["figure"]
takes = {f"seed {seed}": lab.speak(text, voice, seed=seed, candidates=1) for seed in range(3)}
codes = {name: take.codes for name, take in takes.items()}
first = codes.pop("seed 0")
heard(figures.code_ribbon(first, 25, others=codes, title="three seeds, the topmost is seed 0"), takes)

# %% [markdown]
# With the shipped recording two seeds agree in a fifth of their codes, and yet it is hard to hear. Many codes stand for
# nearly the same sound, and the prior is given the phones besides. Notebook 03 looks into it.
#
# ## Look inside: your first probe
#
# Parts declare *taps*: named points that a tensor passes. `probe` records what passes the taps that you name, as above.
# Here is one of them, the alignment that the prior is given: which phone each frame of sound belongs to. SemanticGPT
# planned it, before anything sounded. `SP` is a place for a pause; most of them stay empty.

# %% tags=["figure"]
alignment = records["prior.phone_alignment"]
heard(alignment.show(phones=speech.phones, title="the phone of each frame"), {"the sentence": speech})

# %% [markdown]
# A name is a path (`prior.phone_alignment`), and `*` stands for anything. A name that does not exist raises an error
# with the nearest ones. (The released families have to find out which phone a frame belongs to, by the attention
# `prior.cross_attention.pattern`.)
#
# **Exercise 4.** The speaker vector was measured when the voice was cloned. Give a name, or a pattern, that matches its
# tap and no other.

# %% tags=["exercise"]
# BEGIN SOLUTION: tap = None
tap = "speaker_encoder.speaker"
# END SOLUTION
card = check.speaker_tap(tap, lab)
card

# %% [markdown]
# ## Poke it
#
# An *edit* changes what passes a tap. Below, F0, the number of pulses a second, is multiplied by 1.5 inside the
# vocoder, and nothing else is touched.
#
# **Exercise 5.** Before you listen: what will be different? `"words"`, `"length"`, `"loudness"` or `"pitch"`?

# %% tags=["exercise"]
# BEGIN SOLUTION: prediction = None
prediction = "pitch"
# END SOLUTION
card = check.prediction(prediction)
card

# %%
higher = lab.speak(text, voice, seed=0, edits=[scale("vocoder.f0", 1.5)])
heard(None, {"as it was": speech, "F0 times 1.5": higher})

# %% [markdown]
# **Exercise 6.** Now you: build the edit that makes the voice exactly one octave lower, which is half the frequency.
# The cell below speaks with it.

# %% tags=["exercise"]
# BEGIN SOLUTION: edits = []
edits = [scale("vocoder.f0", 0.5)]
# END SOLUTION
edits = as_edits(edits)  # one alone is a list of one
with gsv_lab.probe(lab, "vocoder.f0", edits=edits) as lower:
    low = lab.speak(text, voice, seed=0)
card = check.octave_lower(records["vocoder.f0"], lower["vocoder.f0"])
card

# %% tags=["figure"]
octave = [scale("vocoder.f0", 0.5)]
chosen, whose = check.octave_lower.built(edits, octave, records["vocoder.f0"], lower["vocoder.f0"])
deep = lab.speak(text, voice, seed=0, edits=chosen)
heard(deep.show(), {"as it was": speech, f"an octave lower ({whose})": deep})

# %% [markdown]
# **Exercise 7, stretch.** Take the melody away and leave everything else: F0 shall stay at its mean. Which of the edits
# of `gsv_lab.hooks` does it? (`dir(gsv_lab.hooks)` names them, `help` explains them.) Listen with `flat`.

# %% tags=["exercise"]
# BEGIN SOLUTION: robot = []
robot = [mean("vocoder.f0")]
# END SOLUTION
robot = as_edits(robot)
with gsv_lab.probe(lab, "vocoder.f0", edits=robot) as even:
    flat = lab.speak(text, voice, seed=0)
card = check.monotone(records["vocoder.f0"], even["vocoder.f0"])
card

# %% [markdown]
# Now any tap and any edit, heard before and after. What happens to the words, what to the voice? Which edit does
# nothing, and at which tap does the same edit ruin everything?

# %% tags=["widget"]
taps = ("vocoder.f0", "vocoder.harmonic", "vocoder.noise", "prior.mean", "prior.content", "speaker_encoder.speaker")
poking = EditExplorer(lab, voice, taps, tap="vocoder.f0", kind="mean")
poking.view

# %% [markdown]
# ## Play
#
# Type something, press **Speak**. With **Add a recording** you add a voice of your own: any sound file with at least
# three seconds of speech. It stays on this machine and is not kept. Change *one* thing at a time, and say beforehand
# what you expect: another seed? another voice? half the speed?

# %% tags=["widget"]
explorer = VoiceExplorer(lab, {"the recording": voice}, text="Now it is your turn. 轮到你说话了。")
explorer.view

# %% [markdown]
# Or lend it your own voice. Read a few sentences into the microphone: the meter shows which phones of the language you
# have said so far, the report how well they were recorded. Then press **Make a voice of it**. JupyterLab must be opened
# as `localhost`, for browsers lend the microphone to no other page without https.

# %% tags=["widget"]
recorder = RecordYourself(lab)
recorder.view

# %% [markdown]
# ## Further reading
#
# - Kim et al. 2021, VITS: [arXiv:2106.06103](https://arxiv.org/abs/2106.06103); Wang et al. 2023, VALL-E:
#   [arXiv:2301.02111](https://arxiv.org/abs/2301.02111); [GPT-SoVITS](https://github.com/RVC-Boss/GPT-SoVITS).
# - `gsv_lab/inference/lab.py`: everything that a lab can do; `clone` and `speak` are short.
# - `gsv_lab/inference/synthesizer.py`: the pipeline as you saw it.
# - `gsv_lab/hooks/probe.py`: what `probe` promises.
#
# Next: **01, From waveform to frames**. What does the machine see when you hear a vowel?
