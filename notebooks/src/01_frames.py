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
# **You need** 00, and what a sine is. **Minutes** 40. Runs offline on a laptop.

# %%
import gsv_lab  # before torch, which asks it how threads shall wait
import torch

from gsv_lab import figures
from gsv_lab.nn.spectral import LinearSpectrogram, mel_filters
from gsv_lab.teaching.exercises import frames as check
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.widgets.window import WindowExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav")
wave = recording.wave[: 4 * 16000]
recording

# %% [markdown]
# ## Frames
#
# Take a short piece of the wave, ask which frequencies are in it, move on by one *hop*, and ask again: the short-time
# Fourier transform. The piece is called the *window*; it is longer than the hop, so that neighbours overlap.
#
# | | samples | time |
# | --- | --- | --- |
# | hop of a mel frame | 160 | 10 ms, 100 frames a second |
# | hop of a content frame | 320 | 20 ms, 50 frames a second |
# | a code | 640 | 40 ms, 25 codes a second |

# %%
spectrogram = LinearSpectrogram(n_fft=640, hop_length=160)
frames = spectrogram(wave[None])[0]
print(f"{wave.numel()} samples -> {frames.shape[1]} frames of {frames.shape[0]} frequencies, 25 Hz apart")

# %% [markdown]
# **Exercise 1.** Frame k covers the samples from k·hop up to (k + 1)·hop. In which frame lies a moment, given in
# seconds?


# %% tags=["exercise"]
def frame_at(seconds, hop, sample_rate):
    # BEGIN SOLUTION: return None
    return int(seconds * sample_rate) // hop
    # END SOLUTION


check.frame_at(frame_at)

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


check.rates(code_of, frames_of)

# %% [markdown]
# ## How long should the window be?
#
# A long window separates close frequencies; a short one separates close moments. No window does both. Find the
# setting where you see single *pulses* of the voice (upright stripes), and the one where you see its *harmonics*
# (level lines). Then look for a consonant: which of the two shows it better?

# %% tags=["widget"]
explorer = WindowExplorer(recording.wave, 16000)
explorer.view

# %% [markdown]
# **Exercise 3.** A voice of 100 Hz has a harmonic every 100 Hz. How many *seconds* should a window be, so that they
# show as separate lines, and yet no longer than a phone?

# %% tags=["exercise"]
# BEGIN SOLUTION: window = None
window = 0.04
# END SOLUTION
check.window(window)

# %% [markdown]
# ## Frequencies as the ear counts them
#
# The ear distinguishes 200 Hz from 300 Hz with ease, and hardly 5,000 Hz from 5,100 Hz. The mel scale follows it: straight up
# to 1 kHz, logarithmic above. A mel spectrogram adds the frequencies up in triangles whose corners are evenly spaced
# in mel: here 20 of them, narrow at the bottom and wide at the top. Nano uses 80.

# %% tags=["figure"]
figures.filter_bank(mel_filters(16000, 640, 20), 16000)

# %% [markdown]
# **Exercise 4.** Write the triangles. Filter m is 0 at `edges[m]`, rises to 1 at `edges[m + 1]`, falls to 0 at
# `edges[m + 2]`, and is 0 everywhere else. `edges` (M + 2) and `bins` (K) are arrays of Hz; the result is (M, K). A
# new axis, `edges[:-2, None]`, saves you both loops.


# %% tags=["exercise"]
def triangles(edges, bins):
    # BEGIN SOLUTION: return None
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return torch.minimum(torch.as_tensor(rise), torch.as_tensor(fall)).clamp(min=0)
    # END SOLUTION


check.triangles(triangles)

# %% [markdown]
# ## From mel to content
#
# A mel frame still holds everything: the sound, the person, the room. The content encoder reads mel frames, and
# passes on what distinguishes phones: 192 values, 50 times a second. (The released models use HuBERT here,
# 768 values at the same rate.) Its two taps show both sides.

# %%
encoder = lab.components()["content_encoder"]
with gsv_lab.probe(encoder, "mel", "content") as records, torch.no_grad():
    encoder(wave[None, None])
records["content"]

# %% [markdown]
# All three on one time axis in seconds. Where the mel hardly changes, does the content? And in a pause?

# %% tags=["figure"]
features = {"log-mel": (records["mel"].value[0], 100), "content": (records["content"].value[0], 50)}
timed = recording.timed(lab)
shown = sum(timed.alignment.end <= wave.numel() / 16000)
start, end = timed.alignment.start[:shown], timed.alignment.end[:shown]
figures.feature_stack(wave, 16000, features, timed.symbols[:shown], start, end)

# %% [markdown]
# Every record knows its rate: `.at(seconds)` gives the frame that sounds at a time, `.align(other)` brings one record
# to the frames of another.

# %%
at_mel_rate = records["content"].align(records["mel"])
print(records["content"].at(1.0), at_mel_rate, sep="\n")

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/nn/spectral.py`: all spectrograms of the kit, on one page.
# - `gsv_lab/extensions/phone_content_encoder.py`: from mel to content, and why it forgets the speaker.
# - `gsv_lab/hooks/record.py`: what a record can do with time.
#
# Next: **02, From text to phones**. The other end of the pipeline has no sound at all.
