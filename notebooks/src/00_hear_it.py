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
# **You need** Python, and ears. **Minutes** 30. Runs offline on a laptop, without a graphics card.

# %%
import gsv_lab
from gsv_lab import figures
from gsv_lab.hooks import scale
from gsv_lab.teaching.exercises import hear as check
from gsv_lab.teaching.exercises.distances import log_mel
from gsv_lab.teaching.exercises.material import find_speech, timed_phones
from gsv_lab.teaching.widgets.voice import VoiceExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav")
recording

# %% [markdown]
# ## Hear it
#
# `clone` runs a few networks over the recording once; nothing is trained. Nano is small, so do not expect a radio
# announcer. `speak` then speaks any text. The kit reminds you whose voice may be cloned: your own, or that of someone
# who has agreed.

# %%
voice = lab.clone(recording.path)
text = "The morning train was late, so we walked along the river."
speech = lab.speak(text, voice, seed=0)
speech

# %% [markdown]
# ## The parts
#
#     text ──> phones ──> SemanticGPT ──> codes ──> prior ──> flow ──> vocoder ──> wave
#     reference ──> speaker encoder ──> speaker              (an input of prior, flow and vocoder)
#     reference ──> content encoder ──> quantizer ──> codes  (codes of real speech: what SemanticGPT learned to write)
#
# | what | how often | what it is |
# | --- | --- | --- |
# | phones | one by one | sounds of the language, from the text |
# | codes | 25 a second | one of 512 numbers: what is being said |
# | latent | 50 a second | 64 values: how it sounds |
# | speaker | once | 216 values: who says it |
# | wave | 16,000 a second | the pressure of the air |

# %%
for name, part in lab.components().items():
    millions = sum(p.numel() for p in part.parameters()) / 1e6
    print(f"{name:20} {type(part).__name__:24} {millions:5.2f} million weights")

# %% [markdown]
# **Exercise 1.** Which part does what? Answer with names from the list above, in quotes.

# %% tags=["exercise"]
# BEGIN SOLUTION: who_speaks = what_is_said = text_to_codes = codes_to_latent = latent_to_wave = None
who_speaks, what_is_said = "speaker_encoder", "content_encoder"
text_to_codes, codes_to_latent, latent_to_wave = "semantic_gpt", "prior", "vocoder"
# END SOLUTION
check.parts(who_speaks, what_is_said, text_to_codes, codes_to_latent, latent_to_wave)

# %% [markdown]
# ## See it
#
# The same sentence at four stations, on one time axis. Which phones keep one code for long, and which never do?

# %% tags=["figure"]
phones, times = timed_phones(lab, speech)
mel = log_mel(speech.wave, speech.sample_rate)
figures.pipeline_strip(phones, times.start, times.end, speech.codes, 25, mel, 100, speech.wave, speech.sample_rate)

# %% [markdown]
# **Exercise 2.** How many samples of the wave does one code become?

# %% tags=["exercise"]
# BEGIN SOLUTION: samples = None
samples = 16000 // 25
# END SOLUTION
check.samples_per_code(samples)

# %% [markdown]
# ## Look inside: your first probe
#
# Parts declare *taps*: named points that a tensor passes. `probe` records what passes the taps that you name, while
# the lab works. Here is the alignment that the prior is given: which phone each frame of sound belongs to. SemanticGPT
# planned it, before anything sounded. `SP` is a place for a pause; most of them stay empty.

# %% tags=["figure"]
with gsv_lab.probe(lab, "prior.phone_alignment", "vocoder.f0") as records:
    lab.speak(text, voice, seed=0)
records["prior.phone_alignment"].show(phones=speech.phones)

# %% [markdown]
# A name is a path (`prior.phone_alignment`), and `*` stands for anything. A name that does not exist raises an error
# with the nearest ones. (The released families have to find out which phone a frame belongs to, by the attention
# `prior.cross_attention.pattern`.)
#
# **Exercise 3.** Give a name, or a pattern, that matches the tap of the *speaker vector* and no other.

# %% tags=["exercise"]
# BEGIN SOLUTION: tap = None
tap = "speaker_encoder.speaker"
# END SOLUTION
check.speaker_tap(tap, lab)

# %% [markdown]
# ## Poke it
#
# An *edit* changes what passes a tap. Below, F0, the number of pulses a second, is multiplied by 1.5 inside the
# vocoder, and nothing else is touched.
#
# **Exercise 4.** Before you listen: what will be different? `"words"`, `"length"`, `"loudness"` or `"pitch"`?

# %% tags=["exercise"]
# BEGIN SOLUTION: prediction = None
prediction = "pitch"
# END SOLUTION
check.prediction(prediction)

# %%
with gsv_lab.probe(lab, edits=[scale("vocoder.f0", 1.5)]):
    higher = lab.speak(text, voice, seed=0)
higher

# %% [markdown]
# **Exercise 5.** Now you: make the voice exactly one octave lower, which is half the frequency.

# %% tags=["exercise"]
# BEGIN SOLUTION: edits = []
edits = [scale("vocoder.f0", 0.5)]
# END SOLUTION
with gsv_lab.probe(lab, "vocoder.f0", edits=edits) as lower:
    lab.speak(text, voice, seed=0)
check.octave_lower(records["vocoder.f0"], lower["vocoder.f0"])

# %% [markdown]
# ## Play
#
# Type something, press **Speak**. With **Add a recording** you add a voice of your own: any sound file with at least
# three seconds of speech. It stays on this machine and is not kept. Change *one* thing at a time, and say beforehand
# what you expect: another seed? another voice? half the speed?

# %% tags=["widget"]
explorer = VoiceExplorer(lab, {"the recording": voice}, text="Now it is your turn to speak.")
explorer.view

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/inference/lab.py`: everything that a lab can do; `clone` and `speak` are short.
# - `gsv_lab/inference/synthesizer.py`: the pipeline as you saw it.
# - `gsv_lab/hooks/probe.py`: what `probe` promises.
#
# Next: **01, From waveform to frames**. What does the machine see when you hear a vowel?
