# %% [markdown]
# # 04 · The GPT stage
#
# Phones go in, codes come out, one after another: a language model whose language is sound.
#
# **Afterwards you can**
# 1. tell teacher forcing from free running, and measure the surprise of a code;
# 2. say what temperature, top-k and a repetition penalty do, since you wrote them;
# 3. watch what keeps the words in order, and why remembering saves the work of reading again.
#
# **You need** 00 and 03, and what a softmax is. **Minutes** 50. Runs offline on a laptop.

# %%
import torch

import gsv_lab
from gsv_lab import figures
from gsv_lab.teaching.exercises import gpt as check
from gsv_lab.teaching.exercises.excerpt import decode, excerpt, most_diagonal, told
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.widgets.sampling import SamplingExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
voice = lab.clone(recording.path)
part = excerpt(lab, recording)
stop = lab.components()["semantic_gpt"].n_codes
print(f"{part.phones.text}\n{len(part.phones)} phones, {len(part.codes)} codes. {part.source}")

# %% [markdown]
# ## One code after another
#
# SemanticGPT reads all phones and the codes so far, and gives each of the 512 codes, and *stop*, a score: its
# *logit*. One of them is drawn and appended, then it reads again, until it draws *stop*. Such a model is called
# *autoregressive*: it lives on what it said itself.
#
# | | shape | |
# | --- | --- | --- |
# | phones | (1, P) | the whole text, from the start |
# | codes | (1, N) | what was said so far, 25 a second |
# | logits | (1, N + 1, 513) | row n scores code n, and has seen the codes before it |

# %%
text = "We walk home in the rain."
with gsv_lab.probe(lab, "semantic_gpt.logits", "semantic_gpt.layers.*.attention.pattern") as heard:
    speech = lab.speak(text, voice, seed=0)
print(heard["semantic_gpt.logits"].stacked(), "ended by:", speech.settings["ended"])
speech

# %% [markdown]
# ## Learning with a hand to hold
#
# In training the model is shown the *true* codes before every step, and has to guess the next: *teacher forcing*. So
# all steps are done in one pass, without drawing anything. Below, the true codes of the recording are told to nano,
# and which phone each of them speaks.
#
# **Exercise 1.** How surprised is it? Row n of `logits` (N + 1, V) scores code n of `codes` (N); the last row should
# say `stop`. A logarithm of a softmax turns logits into log-probabilities; the surprise is minus that of what really
# came. Give the mean over all N + 1 rows.


# %% tags=["exercise"]
def nats(logits, codes, stop):
    # BEGIN SOLUTION: return None
    truth = torch.cat([codes, torch.tensor([stop])])
    return -logits.log_softmax(-1)[torch.arange(len(truth)), truth].mean()
    # END SOLUTION


check.nats(nats)

# %%
logits = told(lab, part.phones, part.codes, part.places)
guessed = logits[:-1].argmax(-1)
print(f"the best guess is the true code in {(guessed == part.codes).float().mean():.0%} of the steps")
print(f"guessing blindly would be {1 / stop:.1%}; perplexity {stop} would mean to know nothing")

# %% [markdown]
# ## And without
#
# When it speaks, there are no true codes. Every step stands on its own earlier draws, and what goes wrong once is
# told to all steps that follow. Three ribbons of the same text: the recording, the best guess with the truth before
# it, and a free run. Does the middle one follow the first? When does the last one leave it? Leaving it is no mistake
# as such: nobody says a sentence twice in the same rhythm.

# %% tags=["figure"]
run = decode(lab, part.phones, seed=0)
ribbons = {"guessed,\ntold the truth": guessed, "free run": run.codes}
figures.code_ribbon(part.codes, 25, part.phones.symbols, part.start, part.end, others=ribbons)

# %% [markdown]
# ## Choosing a code
#
# The best code at every step makes dull speech that gets stuck; any code at all makes noise. Two dials lie between:
# the *temperature* divides the logits (below 1 the best gets likelier still), and *top-k* lets only the k best into
# the draw.
#
# **Exercise 2.** Write what a code is drawn from: (V,) logits -> (V,) probabilities, 0 for all but the k best.


# %% tags=["exercise"]
def chances(logits, temperature, k):
    # BEGIN SOLUTION: return None
    worst = logits.topk(k).values[-1]
    return (logits / temperature).masked_fill(logits < worst, float("-inf")).softmax(-1)
    # END SOLUTION


check.chances(chances)

# %% [markdown]
# **Exercise 3.** A third dial, against loops: codes that were said become less likely. The penalty is a factor, 1 for
# none. Mind the sign: logits may be negative. Give new logits, and leave the old ones alone.


# %% tags=["exercise"]
def less_again(logits, said, penalty):
    # BEGIN SOLUTION: return None
    changed = logits.clone()
    changed[said] = torch.where(logits[said] < 0, logits[said] * penalty, logits[said] / penalty)
    return changed
    # END SOLUTION


check.less_again(less_again)

# %% [markdown]
# How free was each step? Above, the entropy: 0 bit if only one code was thinkable, 9 if all 512 were alike. Below,
# the *ladder*: the eight likeliest codes of each step, and which one was drawn. Where is it sure of itself, inside a
# sound or at its border?

# %% tags=["figure"]
rows = heard["semantic_gpt.logits"].joined().value[0, : len(speech.codes)]
figures.sampling_ladder(rows, speech.codes, rate=25, stop=stop, temperature=lab.family.sampling.temperature)

# %% [markdown]
# Now turn the dials. Can you make it get stuck on one code? Can you cure it again without touching the dial that
# broke it? Look at single steps: which of the dials changes the order of the candidates, and which never does?

# %% tags=["widget"]
explorer = SamplingExplorer(lab, voice, text)
explorer.view

# %% [markdown]
# ## Where is it in the text?
#
# Something must keep the words in order. The released models leave that to attention, which learns it from thousands
# of hours. Nano has heard ten, so it carries a *pointer*. In training it was told which phone each code speaks; when
# it speaks, every step chooses twice: first the *move*, how many phones to go on (0 is to stay), then the code of the
# phone it has come to. It cannot go back, so it says nothing twice, and *stop* is forbidden until it is at the end.
#
# **Exercise 4.** Follow it: `moves` (N,) of `phones` phones -> (N,), the number of the phone that each code speaks. It
# begins at phone 0, moves *before* it speaks, and from the last phone goes nowhere.


# %% tags=["exercise"]
def walk(moves, phones):
    # BEGIN SOLUTION: return None
    return moves.cumsum(0).clamp(max=phones - 1)
    # END SOLUTION


check.walk(walk)

# %% [markdown]
# How sure was it of its moves in the free run? Bright at *stay* inside a sound, at *1 on* at its border. And in a
# pause, where nothing tells it when to go on?

# %% tags=["figure"]
taps = ["semantic_gpt.pointer.move"] if run.places is not None else []  # weights without a pointer have no places
with gsv_lab.probe(lab, *taps) as pointed:
    decode(lab, part.phones, seed=0)
chances_to_move = [record.joined().value[0].softmax(-1).T for record in pointed.values()]
names = ["stay", *(f"{n} on" for n in range(1, 9))]
shown = [figures.tensor_view(p, ("phone", "token"), rate=25, phones=names[: len(p)]) for p in chances_to_move]
shown[0] if shown else "These weights have no pointer."

# %% [markdown]
# *Attention* tells how much each step takes over from each phone and each earlier code; the weights of a row sum to
# 1. There are several *heads* in every layer, each with weights of its own. Here is the one that follows the phones
# best: a clean staircase would mean that it reads the text in order. Does a head still bother, where a pointer does
# the work? The triangle on the right are the codes so far: there is one more to look at in every step.

# %% tags=["figure"]
layer, head, score = most_diagonal(heard, len(speech.phones))
print(f"{layer}, head {head}: diagonality {score:.2f} of 1")
pattern = heard[layer].stacked().select("head", head).value[:, 0]
figures.triangle_attention(pattern, phones=speech.phones.symbols, rate=25)

# %% [markdown]
# ## Remembering instead of reading again
#
# Attention asks with a *query*, compares it with a *key* of every step so far, and takes over a mixture of their
# *values*. Keys and values of old steps never change, since no step sees what comes after it. So they are kept: the
# *cache*.
#
# **Exercise 5.** One step with a cache. `memory` is a list that begins empty and that you may change; `query`, `key`
# and `value` are (D,). The weights are the softmax of query · key / √D.


# %% tags=["exercise"]
def cached(query, key, value, memory):
    # BEGIN SOLUTION: return None
    memory.append((key, value))
    keys, values = (torch.stack(rows) for rows in zip(*memory, strict=True))
    return (keys @ query / len(query) ** 0.5).softmax(0) @ values
    # END SOLUTION


check.cached(cached)

# %% [markdown]
# The same with the whole network: the free run above used the cache; now all its codes are told to it at once.

# %%
at_once = told(lab, part.phones, run.codes, run.places)[: len(run.codes)]
print(f"largest difference of {at_once.numel()} logits: {(at_once - run.logits).abs().max():.1e}")

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/nn/semantic_gpt.py`: the network; phones see all phones, codes only what was before them. Its pointer is
#   in `gsv_lab/extensions/monotonic_alignment.py`.
# - `gsv_lab/nn/sampling.py`: your three dials; `gsv_lab/nn/decoding.py`: the loop around them.
# - `gsv_lab/nn/losses_gpt.py`: exercise 1, as it is trained.
#
# Next: **05, Timbre and the three-way mix**. The codes say what; who says it?
