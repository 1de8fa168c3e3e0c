# %% [markdown]
# # 04 · The GPT stage
#
# Phones go in, codes come out, one after another: a language model whose language is sound.
#
# **Afterwards you can**
# 1. distinguish teacher forcing from free running, and measure the surprise of a code;
# 2. say what temperature, top-k and a repetition penalty do, since you wrote them, and the loop around them;
# 3. watch what keeps the words in order, and say why a cache saves work.
#
# **You need** 00 and 03, and what a softmax is. **Minutes** 60. **Difficulty** ●●○. Runs offline on a laptop.
#
# **You will hear** what nano guesses with the truth before it, what your own decoder writes, greedy, hot and in a loop,
# and a sentence in Mandarin.

# %% tags=["setup"]
import math

import gsv_lab  # before torch, which asks it how threads shall wait
import torch

from gsv_lab import figures
from gsv_lab.teaching.exercises import excerpt as excerpts
from gsv_lab.teaching.exercises import gpt as check
from gsv_lab.teaching.exercises import gpt_kit as kit
from gsv_lab.teaching.exercises.excerpt import NextCode, decode, longest_run, spoken, teacher_forced
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.page import heard, noted, shapes
from gsv_lab.teaching.widgets.sampling import SamplingExplorer

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
with noted():
    voice = lab.clone(recording.path)
part = excerpts.excerpt(lab, recording)
print(f"{part.phones.text}\n{len(part.phones)} phones, {len(part.codes)} codes. {part.source}")

# %%
figures.diagram("text", "semantic_gpt")

# %% [markdown]
# ## One code after another
#
# SemanticGPT reads all phones $x$ and the codes so far, and gives each of the 512 codes, and *stop*, a score: its *logit*.
# One of them is drawn and appended, then it reads again, until it draws *stop*. Such a model is called *autoregressive*:
#
# $$ p(c_1, \dots, c_{N+1} \mid x) = \prod_{n=1}^{N+1} p(c_n \mid c_1, \dots, c_{n-1}, x), \qquad c_{N+1} = \text{stop} $$
#
# (as in VALL-E, [arXiv:2301.02111](https://arxiv.org/abs/2301.02111), equation 1.) Below, every step of a sentence was
# one call; the same network, with the same codes, speaks Mandarin.

# %%
text = "We walk home in the rain."
with gsv_lab.probe(lab, "semantic_gpt.logits", "semantic_gpt.layers.*.attention.pattern") as records:
    speech = lab.speak(text, voice, seed=0)
chinese = lab.speak("我们在雨里走回家。", voice, seed=0)
print(f"{len(speech.codes)} codes, ended by {speech.settings['ended']}; Mandarin {len(chinese.codes)} codes")
heard(None, {"English": speech, "Mandarin": chinese})

# %%
shapes(records)

# %% [markdown]
# ## Teacher forcing
#
# In training the model is given the *true* codes before every step, and has to guess the next: *teacher forcing*. So
# all steps are done in one pass, without drawing anything. The loss is the *cross-entropy*, the mean surprise:
#
# $$ L = -\frac{1}{N+1} \sum_{n=1}^{N+1} \ln p(c_n \mid c_1, \dots, c_{n-1}, x) $$
#
# **Exercise 1.** Row n of `logits` (N + 1, V) scores code n of `codes` (N); the last row should say `stop`. A logarithm of
# a softmax turns logits into log-probabilities. Give the mean surprise over all N + 1 rows, in nats.


# %% tags=["exercise"]
def nats(logits, codes, stop):
    # BEGIN SOLUTION: return None
    truth = torch.cat([codes, torch.tensor([stop])])
    return -logits.log_softmax(-1)[torch.arange(len(truth)), truth].mean()
    # END SOLUTION


card = check.nats(nats)
card

# %%
nats, whose = check.nats.built(nats, kit.nats)
logits = teacher_forced(lab, part.phones, part.codes, part.phone_index)
stop = logits.shape[1] - 1
guessed = logits[:-1, :stop].argmax(-1)  # of the codes alone: the stop has no sound
surprise = float(nats(logits, part.codes, stop))
print(f"nats: {whose}. {surprise:.2f} nats a code: nano hesitates between {math.exp(surprise):.1f} codes, of {stop}")
print(f"the best guess is the true code in {(guessed == part.codes).float().mean():.0%} of the steps")

# %% [markdown]
# ## Free running
#
# When it speaks, there are no true codes. The input of every step is what it drew before, so that a bad draw
# reaches all steps that follow. Three ribbons of the same text: the recording, the best guess after true codes, and a
# free run. When does the last one leave the first? Leaving it is no mistake as such: nobody says a sentence twice in
# the same rhythm. Hear whether you can tell the guesses from the truth.

# %% tags=["figure"]
run = decode(lab, part.phones, seed=0)
ribbons = {"guessed after\ntrue codes": guessed, "free run": run.codes}
picture = figures.code_ribbon(part.codes, 25, part.phones.symbols, part.start, part.end, others=ribbons)
made = {"true codes": (part.codes, part.phone_index), "guessed after true codes": (guessed, part.phone_index)}
made["free run"] = (run.codes, run.phone_index)
sounds = {name: spoken(lab, part.phones, codes, voice.speaker, path) for name, (codes, path) in made.items()}
heard(picture, {"the recording": part, **sounds})

# %% [markdown]
# ## Choosing a code
#
# The *temperature* $T$ divides the logits $u$ (below 1 the best gets likelier still), and *top-k* lets only the k best
# into the draw (Fan et al. 2018, [arXiv:1805.04833](https://arxiv.org/abs/1805.04833)):
#
# $$ p_i = \frac{e^{u_i / T}}{\sum_{j \in \text{k best}} e^{u_j / T}} \ \text{ for the k best, else } 0 $$
#
# **Exercise 2.** Write what a code is drawn from: (V,) logits -> (V,) probabilities.


# %% tags=["exercise"]
def chances(logits, temperature, k):
    # BEGIN SOLUTION: return None
    worst = logits.topk(k).values[-1]
    return (logits / temperature).masked_fill(logits < worst, float("-inf")).softmax(-1)
    # END SOLUTION


card = check.chances(chances)
card

# %% [markdown]
# **Exercise 3.** A third dial, against loops (Keskar et al. 2019, [arXiv:1909.05858](https://arxiv.org/abs/1909.05858),
# 4.1): codes that occurred become less likely; `used` holds their numbers. The penalty is a factor, 1 for none. Mind
# the sign: logits may be negative. Give new logits, and leave the old ones alone.


# %% tags=["exercise"]
def less_again(logits, used, penalty):
    # BEGIN SOLUTION: return None
    changed = logits.clone()
    changed[used] = torch.where(logits[used] < 0, logits[used] * penalty, logits[used] / penalty)
    return changed
    # END SOLUTION


card = check.less_again(less_again)
card

# %% [markdown]
# **Exercise 4.** And the loop. `scores(codes)` gives the logits of the next code after a list of codes, which begins
# empty; `choose(logits, codes)` says which one it becomes. Give the list of all codes before `stop`, `most` at most.


# %% tags=["exercise"]
def write(scores, choose, stop, most):
    # BEGIN SOLUTION: return None
    codes = []
    while len(codes) < most:
        code = choose(scores(codes), codes)
        if code == stop:
            break
        codes.append(code)
    return codes
    # END SOLUTION


card = check.write(write)
card

# %% [markdown]
# **Exercise 5.** Below, your three functions decode nano with several settings. With k = 1 nothing is left to chance:
# that is called *greedy*. What will its codes do more often than sampled ones: `"repeat"` themselves, `"change"`, `"stop"`
# early, or `"nothing"` of the kind?

# %% tags=["exercise"]
# BEGIN SOLUTION: answer = None
answer = "repeat"
# END SOLUTION
card = check.greedy(answer)
card

# %%
chances, first = check.chances.built(chances, kit.chances)
less_again, second = check.less_again.built(less_again, kit.less_again)
write, third = check.write.built(write, kit.write)
print(f"chances: {first}. penalty: {second}. loop: {third}.")


def dials(temperature, k, penalty):
    def choose(logits, used):
        scores = torch.as_tensor(less_again(logits, torch.tensor(used, dtype=torch.int64), penalty))
        return int(torch.multinomial(torch.as_tensor(chances(scores, temperature, k)), 1))

    return choose


sounds = {}
settings = {"sampled": (0.8, 15, 1), "greedy": (0.8, 1, 1), "greedy, penalty 2": (0.8, 1, 2), "hot": (2.0, stop, 1)}
for name, setting in settings.items():
    torch.manual_seed(0)
    scores = NextCode(lab, speech.phones)
    codes = write(scores, dials(*setting), scores.stop, scores.most)
    print(f"{name}: {len(codes)} codes, {len(set(codes))} different, at most {longest_run(codes)} times in a row")
    sounds[name] = spoken(lab, speech.phones, codes, voice.speaker, scores.phone_index)
heard(None, sounds)

# %% [markdown]
# A loop was provoked, and cured. In a model that gets its words from the codes alone you would now hear it stammer, or
# mumble when it is hot. Nano hands the phones to the prior as well (03, exercise 6), so most words survive; listen to
# how vowels and noises change instead.
#
# How free was each step? Above, the entropy: 0 bit if only one code was thinkable, 9 if all 512 were alike. Below,
# the *candidates*: the eight likeliest codes of each step, and which one was drawn. Where is it sure, inside a sound
# or at its border?

# %% tags=["figure"]
rows = records["semantic_gpt.logits"].joined().value[0, : len(speech.codes)]
temperature = lab.family.sampling.temperature
heard(figures.sampling_candidates(rows, speech.codes, rate=25, stop=stop, temperature=temperature), {text: speech})

# %% [markdown]
# Now turn the dials. Can you make it get stuck on one code? Can you cure it again without touching the dial that
# broke it? Look at single steps: which of the dials changes the order of the candidates, and which never does?

# %% tags=["widget"]
explorer = SamplingExplorer(lab, voice, text)
explorer.view

# %% [markdown]
# ## Where is it in the text?
#
# The released models leave that to attention, which learns it from thousands of hours. Nano was trained on ten, so it
# has a *monotonic alignment*: every code is told which phone it speaks. A *duration predictor* reads the whole sentence
# before the first code, and plans how long each phone lasts. Behind every word stands a place for a pause (`SP`), and most
# of them stay empty. The plan gives each step its *advance*, how many phones to go on.
#
# **Exercise 6.** Follow it: `advances` (N,) in a text of `phones` phones -> (N,), the number of the phone that each
# code speaks. It begins at phone 0, advances *before* it speaks, and ends at the last phone.


# %% tags=["exercise"]
def monotonic_path(advances, phones):
    # BEGIN SOLUTION: return None
    return advances.cumsum(0).clamp(max=phones - 1)
    # END SOLUTION


card = check.monotonic_path(monotonic_path)
card

# %% [markdown]
# Whose timing is it? Left the recording, right the free run, by your function. Then the loop that such a path cannot
# have: made by hand, it goes back twice, as attention sometimes does. No sum of advances that are never negative can.

# %% tags=["figure"]
monotonic_path, whose = check.monotonic_path.built(monotonic_path, kit.monotonic_path)
path = torch.as_tensor(monotonic_path(kit.advances(run, len(part.phones)), len(part.phones))).long()
print(f"path: {whose}")
again = kit.going_back(len(path))
shown = {"recording": part.phone_index, "free run": path, "going back": path[again]}
rows = {name: torch.eye(len(part.phones))[index] for name, index in shown.items()}
picture = figures.alignments(rows, 25, part.phones.symbols)
stammer = spoken(lab, part.phones, run.codes[again], voice.speaker, path[again])
heard(picture, {"free run": spoken(lab, part.phones, run.codes, voice.speaker, path), "going back": stammer})

# %% [markdown]
# ## Attention
#
# A step compares its *query* $q$ with a *key* of every phone and every code so far, and takes over a mixture of their
# *values* (Vaswani et al. 2017, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762), equation 1):
#
# $$ \mathrm{Attention}(q, K, V) = \mathrm{softmax}\!\left(\frac{q K^\top}{\sqrt{D}}\right) V $$
#
# $D$ is the width of a key, and the weights of a row add up to one. There are several *heads* in every layer, each with
# a $q$, $K$ and $V$ of its own. Here is the head that follows the phones best: a clean staircase would mean that it
# reads the text in order. Does any do so, where the monotonic alignment gives the phone? The triangle on the right
# shows the codes so far.

# %% tags=["figure"]
layer, head, score = excerpts.most_diagonal(records, len(speech.phones))
print(f"{layer}, head {head}: diagonality {score:.2f} of 1")
pattern = records[layer].stacked().select("head", head).value[:, 0]
figures.triangle_attention(pattern, phones=speech.phones.symbols, rate=25)

# %% [markdown]
# ## The cache
#
# Keys and values of old steps never change, since no step sees what comes after it. So they are kept: the *cache*.
#
# **Exercise 7, stretch.** One step with a cache. `cache` is a list that begins empty and that you may change; `query`,
# `key` and `value` are (D,). Give the mixture (D,).


# %% tags=["exercise"]
def cached(query, key, value, cache):
    # BEGIN SOLUTION: return None
    cache.append((key, value))
    keys, values = (torch.stack(rows) for rows in zip(*cache, strict=True))
    return (keys @ query / len(query) ** 0.5).softmax(0) @ values
    # END SOLUTION


card = check.cached(cached)
card

# %% [markdown]
# The same with the whole network: the free run above used the cache; now all its codes are given at once.

# %%
at_once = teacher_forced(lab, part.phones, run.codes, run.phone_index)[: len(run.codes)]
print(f"largest difference of {at_once.numel()} logits: {(at_once - run.logits).abs().max():.1e}")

# %% [markdown]
# ## Further reading
#
# - Wang et al. 2023, [VALL-E](https://arxiv.org/abs/2301.02111); Han et al. 2024,
#   [VALL-E R](https://arxiv.org/abs/2406.07855), whose monotonic alignment nano's resembles; Holtzman et al. 2020,
#   [The curious case of neural text degeneration](https://arxiv.org/abs/1904.09751), on why greedy text loops.
# - `gsv_lab/nn/semantic_gpt.py`: the network; `gsv_lab/extensions/monotonic_alignment.py` and `duration_predictor.py`:
#   what nano adds; `gsv_lab/nn/sampling.py`: your dials; `gsv_lab/nn/decoding.py`: your loop.
#
# **Next:** 05, Timbre and the three-way mix. The codes say what; who says it?
