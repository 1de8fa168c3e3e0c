# %% [markdown]
# # 01 · From waveform to frames
#
# Speech is 16,000 numbers a second. No network of this kit reads them one by one: they become frames first.
#
# **Afterwards you can**
# 1. read a spectrogram, and choose its window;
# 2. convert between seconds, samples, frames and codes;
# 3. build the mel filters that stand in front of almost every speech network.
#
# **You need** 00, and what a sine is. **Minutes** 60. **Difficulty** ●●○. Runs offline on a laptop.
#
# **You will hear** single frames held for a second, windows that lose the melody or the words, in English and Mandarin,
# a voice through your own mel filters, and a sentence spoken again from its codes.

# %% tags=["setup"]
import gsv_lab  # before torch, which asks it how threads shall wait
import torch

from gsv_lab import figures
from gsv_lab.nn.spectral import LinearSpectrogram, mel_filters
from gsv_lab.teaching.exercises import frames as check
from gsv_lab.teaching.exercises import sounds
from gsv_lab.teaching.exercises.excerpt import excerpt
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.page import heard, noted, shapes
from gsv_lab.teaching.widgets.window import WindowExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
part = excerpt(lab, recording)  # its first whole sentences
with noted():
    voice = lab.clone(recording.path)
mandarin = lab.speak("我想买一匹马。", voice)  # wo xiang mai yi pi ma: I want to buy a horse
heard(None, {part.phones.text: part, "the same voice in Mandarin": mandarin})

# %%
figures.diagram("content_encoder", "speaker_encoder", "posterior")

# %% [markdown]
# ## Frames
#
# The three lit parts read frames. Take a short piece of the wave $x$, ask which frequencies are in it, move on by one
# *hop* of $H$ samples, and ask again: the short-time Fourier transform. The piece is called the *window*, $N$ samples
# long and faded in and out by $w$; it is longer than the hop, so that neighbours overlap. Frame $k$ at frequency $m$:
#
# $$ X[m, k] = \sum_{n=0}^{N-1} w[n]\; x\!\left[kH + n - \tfrac{N-H}{2}\right] e^{-2\pi i\, mn/N}, \qquad
# w[n] = \tfrac12\left(1 - \cos\tfrac{2\pi n}{N}\right) $$
#
# A spectrogram is its magnitude $|X|$. (Griffin and Lim 1984,
# [doi:10.1109/TASSP.1984.1164317](https://doi.org/10.1109/TASSP.1984.1164317).) A mel frame of this kit has a hop of
# 160 samples, 10 ms; a frame of content 320; a code covers 640.

# %% tags=["figure"]
frames = LinearSpectrogram(n_fft=640, hop_length=160)(part.wave[None])[0]
print(f"{part.wave.numel()} samples -> {frames.shape[1]} frames of {frames.shape[0]} frequencies, 25 Hz apart")
loud, bright = sounds.loud_and_bright(part.wave)
one = {f"one frame, held: {at:.2f} s": (sounds.held(part.wave, at), 16000) for at in (loud, bright)}
strip = figures.phone_strip(part.wave, 16000, part.phones.symbols, part.start, part.end)
heard(strip, {"the sentence": part, **one})

# %% [markdown]
# A held frame sings its vowel, or hisses its consonant, without beginning or end. Find both moments in the picture.
#
# **Exercise 1.** Frame k covers the samples from k·hop up to (k + 1)·hop. In which frame lies a moment, given in
# seconds?


# %% tags=["exercise"]
def frame_at(seconds, hop, sample_rate):
    # BEGIN SOLUTION: return None
    return int(seconds * sample_rate) // hop
    # END SOLUTION


card = check.frame_at(frame_at)
card

# %% [markdown]
# **Exercise 2.** Content comes 50 times a second, codes 25 times. Frames 0 and 1 make code 0, frames 2 and 3 make
# code 1, and so on. Write both directions.


# %% tags=["exercise"]
def code_of(frame):
    # BEGIN SOLUTION: return None
    return frame // 2
    # END SOLUTION


def frames_of(code):
    # BEGIN SOLUTION: return None
    return 2 * code, 2 * code + 1
    # END SOLUTION


card = check.rates(code_of, frames_of)
card

# %% [markdown]
# ## How long should the window be?
#
# A Hann window of $T$ seconds tells apart what is $2/T$ Hz apart, and mixes what happens within $T$. No window does
# both. To hear what a window keeps, we keep the magnitudes and draw the phases at random: what happens inside of a
# window, its order in time, is then lost.
#
# **Exercise 3.** Windows of 10, 40 and 160 ms: which one loses the *melody*, and which one loses the *words*? Answer
# before you listen.

# %% tags=["exercise"]
# BEGIN SOLUTION: loses_melody = loses_words = None
loses_melody, loses_words = 10, 160
# END SOLUTION
card = check.two_windows(loses_melody, loses_words)
card

# %% tags=["figure"]
tried = {}
for name, speech in {"English": part, "Mandarin": mandarin}.items():
    print(f"{name}, untouched: {sounds.kept(lab, speech.wave, speech.wave, speech.phones)}")
    for ms in (10, 40, 160):
        left = sounds.magnitudes_only(speech.wave, ms / 1000)
        tried[f"{name}, {ms} ms"] = (left, 16000)
        print(f"{name}, {ms:3} ms: {sounds.kept(lab, speech.wave, left, speech.phones)}")
shown = {name: tried[name][0] for name in ("Mandarin, 10 ms", "Mandarin, 160 ms")}
heard(figures.spectrogram_pair(shown, 16000, top=4000), tried)

# %% [markdown]
# With the shipped recording, 10 ms keep the pitch nowhere; 160 ms keep it, and ruin most phones. (The recogniser is
# nano's own content encoder; it gets a third of the untouched English sentence wrong, too.) In Mandarin the
# melody tells words apart: *mǎi* is to buy, *mài* is to sell. Which of the two do you hear in 10 ms?
#
# Now by eye. Find the setting where you see single *pulses* of the voice (upright stripes), and the one where you see
# its *harmonics* (level lines). Then look for a consonant: which of the two shows it better?

# %% tags=["widget"]
explorer = WindowExplorer(recording.wave, 16000)
explorer.view

# %% [markdown]
# **Exercise 4.** A voice of 100 Hz has a harmonic every 100 Hz. How many *seconds* should a window be, so that they
# show as separate lines, and yet no longer than a phone?

# %% tags=["exercise"]
# BEGIN SOLUTION: window = None
window = 0.04
# END SOLUTION
card = check.window(window)
card

# %% [markdown]
# ## Frequencies as the ear counts them
#
# The ear distinguishes 200 Hz from 300 Hz with ease, and hardly 5,000 Hz from 5,100 Hz. The mel scale follows it. The
# kit uses Slaney's ([Auditory Toolbox](https://engineering.purdue.edu/~malcolm/interval/1998-010/), 1998), straight up
# to 1 kHz and logarithmic above:
#
# $$ m(f) = \begin{cases} 3f / 200 & f < 1000\ \text{Hz} \\ 15 + 27\, \dfrac{\ln (f / 1000)}{\ln 6.4} & f \ge 1000\
# \text{Hz} \end{cases} $$
#
# **Exercise 5.** Write it for one frequency. (`math.log`, `numpy.log` and `torch.log` are all welcome.)


# %% tags=["exercise"]
def mel_of(hertz):
    # BEGIN SOLUTION: return None
    if hertz < 1000:
        return 3 * hertz / 200
    return 15 + 27 * torch.log(torch.tensor(hertz / 1000)) / torch.log(torch.tensor(6.4))
    # END SOLUTION


card = check.mel_of(mel_of)
card

# %% [markdown]
# A mel spectrogram adds the frequencies up in triangles whose corners are evenly spaced in mel, narrow at the bottom
# and wide at the top. Nano uses 80 of them; take 20, with these corners in Hz.
#
# **Exercise 6.** A sentence goes through 20 bands, and back to sound. What is lost: `"words"`, `"melody"`, `"timing"`
# or `"loudness"`? Answer before you listen.

# %% tags=["exercise"]
print(check.corners(20).round().int().tolist())
# BEGIN SOLUTION: lost = None
lost = "melody"
# END SOLUTION
card = check.bands(lost)
card

# %% [markdown]
# **Exercise 7.** Write the triangles; the cell below sends the sentence through them. Filter m is 0 at `edges[m]`, rises
# to 1 at `edges[m + 1]`, falls to 0 at `edges[m + 2]`, and is 0 everywhere else. `edges` (M + 2,) and `bins` (K,) are
# tensors of Hz; the result is (M, K), a tensor or an array. A new axis, `edges[:-2, None]`, saves you both loops.


# %% tags=["exercise"]
def triangles(edges, bins):
    # BEGIN SOLUTION: return None
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return torch.minimum(rise, fall).clamp(min=0)
    # END SOLUTION


card = check.triangles(triangles)
card

# %% tags=["figure"]
build, whose = check.triangles.built(triangles, check.kit_triangles)
twenty = check.bank(build, check.corners(20), torch.linspace(0, 8000, 321))
through = {"20 bands": twenty, "80 bands": mel_filters(16000, 640, 80)}
back = {name: (sounds.through_bands(part.wave, filters), 16000) for name, filters in through.items()}
for name, (wave, _) in back.items():
    print(f"{name}: {sounds.kept(lab, part.wave, wave, part.phones)}")
picture = figures.filter_bank(twenty, 16000, title=f"20 triangles ({whose})")
heard(picture, {"the sentence": part, **back})

# %% [markdown]
# ## From mel to content
#
# A mel frame still holds everything: the sound, the person, the room. The content encoder reads 80 bands, and passes on
# what distinguishes phones: 192 values, 50 times a second. The released models use HuBERT here, 768 values at the same
# rate, learnt by guessing which cluster a masked frame belongs to
# ([arXiv:2106.07447](https://arxiv.org/abs/2106.07447), section II). Content is no sound. What can be heard is what the
# pipeline makes of it: the sentence spoken again, from its codes.

# %%
encoder = lab.components()["content_encoder"]
with gsv_lab.probe(encoder, "mel", "content") as records, torch.no_grad():
    encoder(part.wave[None, None])
shapes(records)

# %% [markdown]
# Where the mel hardly changes, does the content? And in a pause? Every record knows its rate, so that all stand on one
# time axis: `.at(seconds)` gives the frame of a moment, `.align(other)` brings one record to the frames of another.

# %% tags=["figure"]
# The pitch is not in the codes: a part of its own predicts it, at the height of the voice.
features = {name: (records[name].value[0], records[name].rate) for name in records}
stack = figures.feature_stack(part.wave, 16000, features, part.phones.symbols, part.start, part.end)
again = lab.resynthesize(part.wave, part.phones, voice.speaker)
print(f"spoken again: {sounds.kept(lab, part.wave, again.wave, part.phones)}")
heard(stack, {"the sentence": part, "from its codes": again})

# %% [markdown]
# **Exercise 8, stretch.** One frame by hand: from the samples `wave`, the number `k` of the frame, `n_fft` and `hop`, to
# its `n_fft // 2 + 1` magnitudes, as the formula at the top says. (Look at `torch.hann_window` and `torch.fft.rfft`.)


# %% tags=["exercise"]
def frame(wave, k, n_fft, hop):
    # BEGIN SOLUTION: return None
    start = k * hop - (n_fft - hop) // 2
    return torch.fft.rfft(wave[start : start + n_fft] * torch.hann_window(n_fft)).abs()
    # END SOLUTION


card = check.frame(frame)
card

# %% [markdown]
# ## Further reading
#
# - Griffin and Lim 1984, [doi:10.1109/TASSP.1984.1164317](https://doi.org/10.1109/TASSP.1984.1164317): frames back to a
#   wave. Hsu et al. 2021, HuBERT: [arXiv:2106.07447](https://arxiv.org/abs/2106.07447).
# - `gsv_lab/nn/spectral.py`: all spectrograms of the kit, on one page.
# - `gsv_lab/extensions/phone_content_encoder.py`: from mel to content, and why it forgets the speaker.
# - `gsv_lab/hooks/record.py`: what a record can do with time.
#
# Next: **02, From text to phones**. The other end of the pipeline has no sound at all.
