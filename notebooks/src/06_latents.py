# %% [markdown]
# # 06 · From latent to sound
#
# Between codes and sound lies a *latent*: 64 values, 50 times a second, that nobody ever defined.
#
# **Afterwards you can**
# 1. distinguish posterior and prior, draw from either, and undo a flow, coupling by coupling;
# 2. say how far a vocoder sees, what its two sources are, and what a discriminator teaches it;
# 3. find the link of a chain that loses the words.
#
# **You need** 01 and 05. **Minutes** 75. **Difficulty** ●●●. Runs offline on a laptop.
#
# **You will hear** a latent before and after a flow, chance turned up in Mandarin, pulses without noise, and one
# sentence with one link after the other exchanged.

# %% tags=["setup"]
import gsv_lab  # before torch, which asks it how threads shall wait
import torch

from gsv_lab import figures
from gsv_lab.hooks import swap
from gsv_lab.teaching.exercises import latents as check
from gsv_lab.teaching.exercises import links as link_check
from gsv_lab.teaching.exercises.chain import exchanged
from gsv_lab.teaching.exercises.cloning import voice_of
from gsv_lab.teaching.exercises.distances import mel_distance
from gsv_lab.teaching.exercises.excerpt import excerpts
from gsv_lab.teaching.exercises.flowing import encode_latents, frames_seen, walk_back
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.page import heard, noted, shapes
from gsv_lab.teaching.widgets.latents import LatentExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
part, *others = excerpts(lab, recording, most=3)
speaker = lab.family.synthesizer.voice([part.wave])
voice = voice_of(lab, part, speaker)
print(f"{part.phones.text}\n{part.source}")
figures.diagram("prior", "flow", "posterior", "vocoder", "discriminator")

# %% [markdown]
# ## The latent of a recording: the posterior
#
# The networks are trained as a *variational autoencoder*: the posterior $q(z \mid x)$ reads a recording $x$, the vocoder
# makes it again from $z$, and the prior $p(z \mid c)$ has to expect $z$ from codes, text and voice $c$. A lower bound of
# the likelihood is raised
# ([Kingma & Welling 2013](https://arxiv.org/abs/1312.6114), eq. 3; [VITS](https://arxiv.org/abs/2106.06103), eq. 1):
#
# $$ \log p(x \mid c) \;\ge\; \mathbb{E}_{q(z \mid x)}\!\left[\log p(x \mid z)\right] - D_\mathrm{KL}\!\left(q(z \mid x)
# \,\Vert\, p(z \mid c)\right) $$
#
# The posterior gives a mean and a spread for each of the 64 values of each frame. Straight on to the vocoder its mean
# makes *copy synthesis*: the best that this vocoder can do. A dimension whose mean moves less than its spread carries
# little.

# %% tags=["figure"]
with gsv_lab.probe(lab, "posterior.mean", "posterior.scale", "vocoder.*") as records:
    copy = lab.copy_synthesis(part.wave)
print(f"copy synthesis: mel {mel_distance(lab, part.wave, copy.wave):.2f} nats from the recording")
spread = figures.latent_spread(records["posterior.mean"].value[0], records["posterior.scale"].value[0], 50)
heard(spread, {"recording": (part.wave, lab.sample_rate), "copy synthesis": copy})

# %%
shapes(records)

# %% [markdown]
# ## The expected latent: the prior
#
# When nano speaks there is no recording of the sentence. The *prior* says what to expect: again a mean and the
# *logarithm* of a spread. Speech is drawn from there, with less noise than was expected (the released families take
# half of it, nano none), because the mean is safe and the rare is risky.
#
# **Exercise 1.** Draw. `mean`, `log_scale` and `noise` (from a standard normal) are (C, F); `noise_scale` 0 gives the
# mean.


# %% tags=["exercise"]
def draw(mean, log_scale, noise, noise_scale):
    # BEGIN SOLUTION: return None
    return mean + noise * log_scale.exp() * noise_scale
    # END SOLUTION


card = check.draw(draw)
card

# %% [markdown]
# ## From one to the other: the flow
#
# The prior draws every value on its own: a plain bell for each. Real latents are not like that, their values depend on
# each other. So a *flow* $f$ stands between. A density is carried through it by the change of variables
# ([Rezende & Mohamed 2015](https://arxiv.org/abs/1505.05770), eq. 5; VITS, eq. 4):
#
# $$ p(z \mid c) = \mathcal{N}\!\left(f(z);\, \mu(c),\, \sigma(c)\right) \left| \det \frac{\partial f(z)}{\partial z}
# \right| $$
#
# It has four *couplings*, each of which can be undone exactly. A coupling keeps one half of the channels, and moves the
# other by an amount that it computes from the kept half and the speaker. As in VITS it only shifts
# ([NICE](https://arxiv.org/abs/1410.8516)), so that the determinant is 1;
# [RealNVP](https://arxiv.org/abs/1605.08803) scales, too.
#
# Below, the latents of the recording on their way to the prior. The axis counts the spreads by which a value misses
# the prior's mean; the orange bell is what the prior expects. Does the flow bring them nearer?

# %% tags=["figure"]
latents = encode_latents(lab, part, speaker)
picture = figures.flow_densities(latents.steps, latents.mean, latents.log_scale)
text = "夏天的傍晚，弟弟在河边画画，我们一起喝茶。"  # A summer evening: my brother paints by the river, we drink tea.
with noted():
    drawn = {f"noise {n:g}": lab.speak(text, voice, "zh", noise_scale=n) for n in (0.0, 1.0, 1.5)}
heard(picture, drawn)

# %% [markdown]
# The sounds are draws from the prior, in Mandarin. Of 36 phones the kit's recogniser finds 12 wrong without noise, 9
# with all that the prior expects, and 18 with half as much again.
#
# **Exercise 2.** Undo a coupling. `shift` is some network, and `flip(0)` reverses the order of channels:
#
# `kept, moved = z.chunk(2)`, then `y = torch.cat([kept, moved + shift(kept)]).flip(0)`


# %% tags=["exercise"]
def undo(y, shift):
    # BEGIN SOLUTION: return None
    kept, moved = y.flip(0).chunk(2)
    return torch.cat([kept, moved - shift(kept)])
    # END SOLUTION


card = check.undo(undo)
card

# %% [markdown]
# The next cell sends the latent of the recording through nano's flow, and back by your function.

# %%
undone, whose = check.undo.built(undo, check.undo_coupling)
z = records["posterior.mean"].value
with torch.no_grad():
    there = lab.components()["flow"](z, None, lab.family.synthesizer.sovits.conditioning(speaker))
back = walk_back(lab, there[0], speaker, undone)[None]
print(f"the couplings are undone by a function that is {whose}")
print(f"there: moved by up to {(there - z).abs().max():.2f}; and back: off by {(back - z).abs().max():.1e}")
sounds = {}
for name, latent in {"not undone": there, "undone": back}.items():
    with gsv_lab.probe(lab, edits=[swap("posterior.mean", latent)]):
        sounds[name] = lab.copy_synthesis(part.wave)
heard(None, sounds)

# %% [markdown]
# **Exercise 3, stretch.** The second term of the bound, for two normal distributions with means $\mu$ and *logarithms*
# of deviations $\log\sigma$, from the posterior $q$ to the prior $p$: sum over channels, mean over frames, in nats. (For
# one value, and for $p$ standard normal, Kingma & Welling have it in appendix B. With a flow between, training takes
# the quadratic part at one draw: `kl_loss`.)


# %% tags=["exercise"]
def divergence(m_q, logs_q, m_p, logs_p):
    # BEGIN SOLUTION: return None
    quadratic = ((2 * logs_q).exp() + (m_q - m_p) ** 2) / (2 * (2 * logs_p).exp())
    return (logs_p - logs_q - 0.5 + quadratic).sum(0).mean()
    # END SOLUTION


card = check.divergence(divergence)
card

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
# A voice is pulses of the vocal folds plus noise of the breath, filtered by throat and mouth
# ([Wang et al. 2019](https://arxiv.org/abs/1904.12088) drive a neural filter so). For nano's vocoder a network computes
# from each latent how strong each band of pulses, $H$, and of noise, $N$, should be:
#
# $$ x = H(z) \ast \mathrm{pulses}(f_0) + N(z) \ast \mathrm{noise} $$
#
# F0 comes from a predictor of its own; in a copy from the recording. 50 latents become 16,000 samples a second. Below,
# a few hundredths of a second of both parts.

# %% tags=["figure"]
harmonic, noise = records["vocoder.harmonic"].value[0], records["vocoder.noise"].value[0]
loud = max(0.0, int(harmonic.abs().argmax()) / lab.sample_rate - 0.04)
picture = figures.excitation(harmonic, noise, lab.sample_rate, records["vocoder.f0"].value[0, 0], 100, start=loud)
heard(picture, {"pulses": (harmonic, lab.sample_rate), "noise": (noise, lab.sample_rate), "both": copy})

# %% [markdown]
# **Exercise 4.** A convolution with kernel 7 sees 7 frames. How many does one result depend on after several layers,
# the *receptive field*? `layers` is a list of (kernel, dilation); dilation d means that a kernel looks at every d-th
# frame only.


# %% tags=["exercise"]
def reach(layers):
    # BEGIN SOLUTION: return None
    return 1 + sum((kernel - 1) * dilation for kernel, dilation in layers)
    # END SOLUTION


seen = frames_seen(lab, speaker)
print(f"measured by gradients: one sample of the wave depends on {seen} latents, {20 * seen} ms of speech")
card = check.reach(reach)
card

# %% [markdown]
# ## A discriminator
#
# Trained on mel distance alone, a vocoder makes the average of all waves that could be meant, and averages sound
# muffled. So a second network, the *discriminator* $D$, learns to score natural waves 1 and made ones 0, and the
# vocoder, its *generator*, learns to be scored 1. A third loss compares what the layers $D^i$ make of both, *feature
# matching* ([LSGAN](https://arxiv.org/abs/1611.04076), eq. 2; [HiFi-GAN](https://arxiv.org/abs/2010.05646), sec. 2; VITS,
# sec. 2.3):
#
# $$ L_\mathrm{features} = \sum_i \frac{1}{N_i} \left\| D^i(x) - D^i(\hat x) \right\|_1 $$
#
# Nano's vocoder had discriminators of the log-magnitude of two spectrograms; its prior had one of latents.
#
# **Exercise 5.** The other two losses, with squares and means: what the discriminator minimises, and what the generator
# does.


# %% tags=["exercise"]
def discriminator(real, fake):
    # BEGIN SOLUTION: return None
    return (1 - real).square().mean() + fake.square().mean()
    # END SOLUTION


def generator(fake):
    # BEGIN SOLUTION: return None
    return (1 - fake).square().mean()
    # END SOLUTION


card = check.adversarial(discriminator, generator)
card

# %% [markdown]
# ## Which link is broken?
#
# You know all links now. Nano-5, the voice before this one, had the right timbre and lost half of its words. How was
# the broken link found? By leaving nature one step at a time, and counting words after each.
#
# **Exercise 6.** The next cell shows such numbers: percent of words lost. Row A is nano-5 (English, Whisper base; from
# `docs/results.md`, natural speech from `docs/nano_method.md`), the others are invented. Name the link that loses the
# words: `"vocoder"` (with the posterior), `"prior"` (with the flow), `"gpt"`, or `"recogniser"` if no link of the voice
# is to blame.

# %% tags=["exercise"]
print(link_check.table())
# BEGIN SOLUTION: names = {"A": None, "B": None, "C": None, "D": None}
names = {"A": "prior", "B": "vocoder", "C": "gpt", "D": "recogniser"}
# END SOLUTION
card = link_check.name_links(names)
card

# %% [markdown]
# So it was the prior. It reads codes and phones, and the simplest network in its place told them apart
# (`docs/nano_method.md`): from phones alone it lost 15 % of the words, with nano-5's codes as well 45 %, and from codes
# alone nothing could be understood. The codes were wrong for new voices, and the prior believed them. nano-6 and nano-7
# still have these codes; their prior was trained with none in half of the windows, and with somebody else's in three tenths of the
# others.
#
# **Exercise 7.** Before you listen: which of these exchanges costs nano-7 the most phones? `"copy"`, `"no codes"` (true
# phones alone), `"no phones"` (true codes alone), or `"predicted codes"` (of SemanticGPT, in the recording's timing).

# %% tags=["exercise"]
# BEGIN SOLUTION: costly = None
costly = "no phones"
# END SOLUTION
card = link_check.needed(costly)
card

# %% tags=["figure"]
with noted():
    chain = exchanged(lab, others, voice)
for name, made in chain.items():
    print(f"{name:22}{made.wrong:4} of {made.phones} phones lost, {made.lost:4.0%}")
waves = {name: chain[name].speech.wave for name in ("recording", "no codes", "no phones")}
sounds = {f"{name}: {made.lost:.0%} lost": made.speech for name, made in chain.items()}
heard(figures.spectrogram_pair(waves, lab.sample_rate), sounds)

# %% [markdown]
# Two sentences of the shipped sample (137 phones): 33 % are lost in the recording itself, 23 to 31 % in every exchange
# but one, and 56 % without phones. The recogniser of phones is the kit's own: it is small, it learnt from the same hours
# of speech as the voice, and what it hears here is a synthesizer. So differences of a few points say nothing. Whisper base, which is no part of nano, counts words lost (English, `docs/results.md`: nano-6 and nano-7 on 66
# sentences of eight people, without codes or phones on every sixth of them, nano-7 as means over people; nano-5 on a third):
#
# | | natural | copy | true codes | no codes | no phones | zero-shot |
# | --- | --- | --- | --- | --- | --- | --- |
# | nano-5 | 6 % | 8.3 % | 36.5 % | - | - | 39.3 % |
# | nano-6 | 2.8 % | 5.0 % | 11.1 % | 12.2 % | 62.0 % | 13.3 % |
# | nano-7 | 2.9 % | 5.0 % | 4.9 % | 10.4 % | 76.9 % | 6.9 % |
#
# The codes alone still say too little. The difference is that this prior no longer believes them against the text.
#
# ## Further reading
#
# - `docs/nano_method.md`: how the link was mended.
# - Kim et al. 2021, [VITS](https://arxiv.org/abs/2106.06103): all of this notebook in one paper.
# - `gsv_lab/nn/flow.py`: exercise 2 is `Coupling.forward`, in both directions.
# - `gsv_lab/extensions/source_filter_vocoder.py`: pulses in closed form, and two envelopes.
# - `gsv_lab/nn/losses.py`: exercises 3 and 5, and feature matching.
# - `gsv_lab/evaluation/conditions.py`: the chain as `gsv-lab evaluate --conditions` measures it.
#
# Next: **07, Who is in the codes?** What should the codes not know, and do they know it all the same?
