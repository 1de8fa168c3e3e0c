# %% [markdown]
# # 06 · From latent to sound
#
# Between codes and sound lies a *latent*: 64 values, 50 times a second, that nobody ever defined.
#
# **Afterwards you can**
# 1. distinguish posterior and prior, and draw from either;
# 2. undo a flow, coupling by coupling;
# 3. say how far a vocoder sees, what its two sources are, and what a discriminator teaches it.
#
# **You need** 01 and 05. **Minutes** 50. Runs offline on a laptop.

# %%
import gsv_lab  # before torch, which asks it how threads shall wait
import torch

from gsv_lab import figures
from gsv_lab.teaching.exercises import latents as check
from gsv_lab.teaching.exercises.distances import log_mel, mel_distance
from gsv_lab.teaching.exercises.excerpt import excerpt
from gsv_lab.teaching.exercises.flowing import encode_latents, frames_seen
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.widgets.latents import LatentExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
part = excerpt(lab, recording)
speaker = lab.family.synthesizer.voice([part.wave])
print(f"{part.phones.text}\n{part.source}")

# %% [markdown]
# ## The latent of a recording: the posterior
#
#     in training:  recording ──posterior──> z ──flow──────> must look like what the prior expects
#     when it speaks:  codes, text, voice ──prior──> draw ──flow backwards──> z ──vocoder──> wave
#
# The *posterior* reads a recording, and gives a mean and a spread for each of the 64 values of each frame. The latent
# z is drawn from there. Straight on to the vocoder it makes *copy synthesis*: the best that this vocoder can do. A
# dimension whose mean moves less than its spread carries little.

# %% tags=["figure"]
with gsv_lab.probe(lab, "posterior.mean", "posterior.scale", "vocoder.*") as records:
    copy = lab.copy_synthesis(part.wave)
figures.latent_spread(records["posterior.mean"].value[0], records["posterior.scale"].value[0], 50)

# %%
print(f"copy synthesis: mel {mel_distance(lab, part.wave, copy.wave):.2f} nats from the recording")
copy

# %% [markdown]
# ## The expected latent: the prior
#
# When nano speaks there is no recording of the sentence. The *prior* says what to expect from codes, text and voice: again a
# mean and the *logarithm* of a spread. Speech is drawn from there, with less noise than was expected (the released
# families take half of it, nano none), because the mean is safe and the rare is risky.
#
# **Exercise 1.** Draw. `mean`, `log_scale` and `noise` (from a standard normal) are (C, F); `noise_scale` 0 gives the
# mean.


# %% tags=["exercise"]
def draw(mean, log_scale, noise, noise_scale):
    # BEGIN SOLUTION: return None
    return mean + noise * log_scale.exp() * noise_scale
    # END SOLUTION


check.draw(draw)

# %% [markdown]
# ## From one to the other: the flow
#
# The prior draws every value on its own: a plain bell for each. Real latents are not like that, their values hang
# together. So a *flow* stands between: four *couplings*, each of which can be undone exactly. A coupling keeps one
# half of the channels, and moves the other by an amount that it computes from the kept half (and the speaker).
#
# Below, the latents of the recording on their way to the prior. The axis counts the spreads by which a value misses
# the prior's mean; the orange bell is what the prior expects. Does the flow bring them nearer?

# %% tags=["figure"]
latents = encode_latents(lab, part, speaker)
figures.flow_densities(latents.steps, latents.mean, latents.log_scale)

# %% [markdown]
# **Exercise 2.** Undo one. This is the coupling; `shift` is some network:
#
#     kept, moved = z.chunk(2)
#     y = torch.cat([kept, moved + shift(kept)]).flip(0)      # flip(0): the order of channels is reversed


# %% tags=["exercise"]
def undo(y, shift):
    # BEGIN SOLUTION: return None
    kept, moved = y.flip(0).chunk(2)
    return torch.cat([kept, moved - shift(kept)])
    # END SOLUTION


check.undo(undo)

# %%
flow, z = lab.components()["flow"], records["posterior.mean"].value
conditioning = lab.family.synthesizer.sovits.conditioning(speaker)
with torch.no_grad():
    there = flow(z, None, conditioning)
    back = flow(there, None, conditioning, inverse=True)
print(f"there: moved by up to {(there - z).abs().max():.2f}; and back: off by {(back - z).abs().max():.1e}")

# %% [markdown]
# ## Play with chance
#
# Turn the noise up: when does it get lively, and when does it break? With noise 0, does the seed still matter? (There
# is one more thing that is drawn: the noise in the vocoder.) The scrubber follows one draw back through the flow.

# %% tags=["widget"]
explorer = LatentExplorer(lab, part, speaker)
explorer.view

# %% [markdown]
# ## Two sources and a filter: the vocoder
#
# A voice is pulses of the vocal folds plus noise of the breath, filtered by throat and mouth. Nano's vocoder is built
# so: from each latent it computes how strong each band of pulses and of noise should be; how high the pulses are (F0)
# it computes as well, or, in newer weights, is given by a predictor. 50 latents become 16,000 samples a second. Below,
# a few hundredths of a second of both parts.

# %% tags=["figure"]
harmonic, noise = records["vocoder.harmonic"].value[0], records["vocoder.noise"].value[0]
loud = max(0.0, int(harmonic.abs().argmax()) / 16000 - 0.04)
figures.excitation(harmonic, noise, 16000, records["vocoder.f0"].value[0, 0], 100, start=loud)

# %% [markdown]
# **Exercise 3.** A convolution with kernel 7 sees 7 frames. How many does one result depend on after several layers,
# the *receptive field*? `layers` is a list of (kernel, dilation); dilation d means that a kernel looks at every d-th
# frame only.


# %% tags=["exercise"]
def reach(layers):
    # BEGIN SOLUTION: return None
    return 1 + sum((kernel - 1) * dilation for kernel, dilation in layers)
    # END SOLUTION


check.reach(reach)

# %%
seen = frames_seen(lab, speaker)
print(f"measured by gradients: one sample of the wave depends on {seen} latents, {20 * seen} ms of speech")

# %% [markdown]
# ## A discriminator
#
# Trained on mel distance alone, a vocoder makes the average of all waves that could be meant, and averages sound
# muffled. So a second network, the *discriminator*, learns to score natural waves 1 and made ones 0, and the vocoder,
# its *generator*, learns to be scored 1.
#
# **Exercise 4.** Both losses, with squares and means: what the discriminator minimises, and what the generator does.


# %% tags=["exercise"]
def discriminator(real, fake):
    # BEGIN SOLUTION: return None
    return (1 - real).square().mean() + fake.square().mean()
    # END SOLUTION


def generator(fake):
    # BEGIN SOLUTION: return None
    return (1 - fake).square().mean()
    # END SOLUTION


check.adversarial(discriminator, generator)

# %% [markdown]
# ## What is lost on the way?
#
# The recording, and the same words through codes, prior, flow and vocoder. Red is too much, blue too little. Which
# sounds suffer, and is it the pitch, the noise or the edges?

# %% tags=["figure"]
made = lab.resynthesize(part.wave, part.phones, speaker)
target, result = (log_mel(wave, lab.sample_rate) for wave in (part.wave, made.wave))
figures.mel_compare(target, result, 100, names=("recording", "from its codes"))

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/nn/flow.py`: exercise 2 is `Coupling.forward`, in both directions.
# - `gsv_lab/extensions/source_filter_vocoder.py`: pulses in closed form, and two envelopes.
# - `gsv_lab/nn/losses.py`: exercise 4, and the divergence between posterior and prior.
#
# Next: **07, Who is in the codes?** What should the codes not know, and do they know it all the same?
