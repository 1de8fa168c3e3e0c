# %% [markdown]
# # 04 · The GPT stage
#
# Phones go in, codes come out, one after another: a language model whose language is sound.
#
# **Afterwards you can**
# 1. distinguish teacher forcing from free running, and measure the surprise of a code;
# 2. say what temperature, top-k and a repetition penalty do, since you wrote them;
# 3. watch what keeps the words in order, and say why a cache saves work.
#
# **You need** 00 and 03, and what a softmax is. **Minutes** 50. Runs offline on a laptop.

# %%
import gsv_lab  # before torch, which asks it how threads shall wait
import torch

from gsv_lab import figures
from gsv_lab.teaching.exercises import gpt as check
from gsv_lab.teaching.exercises.excerpt import decode, excerpt, most_diagonal, teacher_forced
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
# *autoregressive*: its own codes are its input.
#
# | | shape | |
# | --- | --- | --- |
# | phones | (1, P) | the whole text, from the start |
# | codes | (1, N) | those so far, 25 a second |
# | logits | (1, N + 1, 513) | row n scores code n, and has seen the codes before it |

# %%
text = "We walk home in the rain."
with gsv_lab.probe(lab, "semantic_gpt.logits", "semantic_gpt.layers.*.attention.pattern") as records:
    speech = lab.speak(text, voice, seed=0)
print(records["semantic_gpt.logits"].stacked(), "ended by:", speech.settings["ended"])
speech

# %% [markdown]
# ## Teacher forcing
#
# In training the model is given the *true* codes before every step, and has to guess the next: *teacher forcing*. So
# all steps are done in one pass, without drawing anything. Below, nano is given the true codes of the recording, and
# which phone each of them speaks.
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
logits = teacher_forced(lab, part.phones, part.codes, part.phone_index)
guessed = logits[:-1].argmax(-1)
print(f"the best guess is the true code in {(guessed == part.codes).float().mean():.0%} of the steps")
print(f"guessing blindly would be {1 / stop:.1%}; perplexity {stop} would mean to know nothing")

# %% [markdown]
# ## Free running
#
# When it speaks, there are no true codes. The input of every step is what it drew before, so that a bad draw
# reaches all steps that follow. Three ribbons of the same text: the recording, the best guess after true codes, and a
# free run. Does the middle one follow the first? When does the last one leave it? Leaving it is no mistake as such:
# nobody says a sentence twice in the same rhythm.

# %% tags=["figure"]
run = decode(lab, part.phones, seed=0)
ribbons = {"guessed after\ntrue codes": guessed, "free run": run.codes}
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
# **Exercise 3.** A third dial, against loops: codes that occurred become less likely; `used` holds their numbers. The
# penalty is a factor, 1 for none. Mind the sign: logits may be negative. Give new logits, and leave the old ones alone.


# %% tags=["exercise"]
def less_again(logits, used, penalty):
    # BEGIN SOLUTION: return None
    changed = logits.clone()
    changed[used] = torch.where(logits[used] < 0, logits[used] * penalty, logits[used] / penalty)
    return changed
    # END SOLUTION


check.less_again(less_again)

# %% [markdown]
# How free was each step? Above, the entropy: 0 bit if only one code was thinkable, 9 if all 512 were alike. Below,
# the *candidates*: the eight likeliest codes of each step, and which one was drawn. Where is it sure, inside a sound
# or at its border?

# %% tags=["figure"]
rows = records["semantic_gpt.logits"].joined().value[0, : len(speech.codes)]
figures.sampling_candidates(rows, speech.codes, rate=25, stop=stop, temperature=lab.family.sampling.temperature)

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
# of hours. Nano was trained on ten, so it has a *monotonic alignment*: every code is told which phone it speaks. In
# training that is found in the recording. When nano speaks, a small network plans it before the first code: the
# *duration predictor* reads the whole sentence, and says how long each phone lasts, and whether it is there at all.
# Behind every word stands a place for a pause (`SP`), and most of them stay empty. The plan gives each step its
# *advance*, how many phones to go on; it never goes back, so no phone is spoken twice, and *stop* comes at its end.
#
# **Exercise 4.** Follow it: `advances` (N,) in a text of `phones` phones -> (N,), the number of the phone that each
# code speaks. It begins at phone 0, advances *before* it speaks, and ends at the last phone.


# %% tags=["exercise"]
def monotonic_path(advances, phones):
    # BEGIN SOLUTION: return None
    return advances.cumsum(0).clamp(max=phones - 1)
    # END SOLUTION


check.monotonic_path(monotonic_path)

# %% [markdown]
# Whose timing is it? Left the recording, right the plan of the free run, for the same text. Where does nano pause, and
# where did the speaker? And which phones does it always make equally long?

# %% tags=["figure"]
shown = {}
for name, path in (("recording", part.phone_index), ("free run", run.phone_index)):
    if path is not None:
        shown[name] = torch.eye(len(part.phones))[path]
        lengths = [f"{phone}:{int(n)}" for phone, n in zip(part.phones.symbols, shown[name].sum(0), strict=True) if n]
        print(f"{name}, codes of each phone:", *lengths)
figures.alignments(shown, 25, part.phones.symbols)

# %% [markdown]
# *Attention* weights say how much each step takes over from each phone and each earlier code; those of a row sum to
# 1. There are several *heads* in every layer, each with weights of its own. Here is the one that follows the phones
# best: a clean staircase would mean that it reads the text in order. Does any head do so, where the monotonic
# alignment gives the phone? The triangle on the right are the codes so far: there is one more in every step.

# %% tags=["figure"]
layer, head, score = most_diagonal(records, len(speech.phones))
print(f"{layer}, head {head}: diagonality {score:.2f} of 1")
pattern = records[layer].stacked().select("head", head).value[:, 0]
figures.triangle_attention(pattern, phones=speech.phones.symbols, rate=25)

# %% [markdown]
# ## The cache
#
# Attention compares the *query* of a step with a *key* of every step so far, and gives a mixture of their *values*.
# Keys and values of old steps never change, since no step sees what comes after it. So they are kept: the *cache*.
#
# **Exercise 5.** One step with a cache. `cache` is a list that begins empty and that you may change; `query`, `key`
# and `value` are (D,). The weights are the softmax of query · key / √D.


# %% tags=["exercise"]
def cached(query, key, value, cache):
    # BEGIN SOLUTION: return None
    cache.append((key, value))
    keys, values = (torch.stack(rows) for rows in zip(*cache, strict=True))
    return (keys @ query / len(query) ** 0.5).softmax(0) @ values
    # END SOLUTION


check.cached(cached)

# %% [markdown]
# The same with the whole network: the free run above used the cache; now all its codes are given at once.

# %%
at_once = teacher_forced(lab, part.phones, run.codes, run.phone_index)[: len(run.codes)]
print(f"largest difference of {at_once.numel()} logits: {(at_once - run.logits).abs().max():.1e}")

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/nn/semantic_gpt.py`: the network; phones see all phones, codes only what was before them. What nano adds
#   to it is in `gsv_lab/extensions/monotonic_alignment.py` and `gsv_lab/extensions/duration_predictor.py`.
# - `gsv_lab/nn/sampling.py`: your three dials; `gsv_lab/nn/decoding.py`: the loop around them.
# - `gsv_lab/nn/losses_gpt.py`: exercise 1, as it is trained.
#
# Next: **05, Timbre and the three-way mix**. The codes say what; who says it?
