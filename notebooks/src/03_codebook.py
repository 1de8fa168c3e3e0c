# %% [markdown]
# # 03 · A codebook of speech
#
# SemanticGPT writes speech as others write text: letter by letter. But speech has no letters. A *codebook* makes
# them.
#
# **Afterwards you can**
# 1. round vectors to codes, and say how well a codebook is used;
# 2. let gradients pass a rounding;
# 3. recognise dead codes, and bring them back to life.
#
# **You need** 01, and what a gradient is. **Minutes** 45. Trains a few seconds at a time, offline on a laptop.

# %%
import gsv_lab  # before torch, which asks it how threads shall wait
import torch

from gsv_lab import figures
from gsv_lab.teaching.exercises import codebook as check
from gsv_lab.teaching.exercises.live import joint_counts, train_codebook
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.widgets.codebook import CodebookExplorer
from gsv_lab.text import CTC_SYMBOLS

torch.manual_seed(0)
lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
recording

# %% [markdown]
# ## From vectors to numbers
#
# Content is a cloud of vectors, 50 a second. The quantizer takes two frames together (25 a second), and replaces each
# vector by the nearest row of its table. Only the number of the row goes on: 9 bits where there were 192 values.
#
# | | shape | rate |
# | --- | --- | --- |
# | content | (1, 192, F50) | 50 Hz |
# | projected | (1, 192, F25) | 25 Hz |
# | codes | (1, F25) whole numbers below 512 | 25 Hz |
# | code vectors | (1, 192, F25) | 25 Hz |

# %%
quantizer = lab.components()["quantizer"]
with torch.no_grad():
    content = lab.components()["content_encoder"](recording.wave[None, None]).content
    codes = quantizer.encode(content)[0]
print(content.shape, "->", codes.shape, "with", quantizer.n_codes, "codes in the book:", codes[:12].tolist(), "...")

# %% [markdown]
# **Exercise 1.** `vectors` is (N, D), `table` is (K, D). Give the number of the nearest row for each vector, (N,).


# %% tags=["exercise"]
def nearest(vectors, table):
    # BEGIN SOLUTION: return None
    return torch.cdist(vectors, table).argmin(dim=1)
    # END SOLUTION


check.nearest(nearest)

# %% [markdown]
# **Exercise 2.** Are all codes used? *Perplexity* is exp(H), where H = −Σ p log p is the entropy of how often each
# code occurs. If all of them occur alike, it is their number; if one does all the work, it is 1.


# %% tags=["exercise"]
def perplexity(codes, n_codes):
    # BEGIN SOLUTION: return None
    share = torch.bincount(codes, minlength=n_codes) / len(codes)
    share = share[share > 0]
    return float((-(share * share.log()).sum()).exp())
    # END SOLUTION


check.perplexity(perplexity)

# %% [markdown]
# ## Training through a rounding
#
# Rounding has no slope: move a vector a little, and its code stays the same. So nothing in front of it could learn.
# The way out of van den Oord et al. (2017) is a trick: forward the code vector goes on, backward the gradient is
# handed to the vector as if nothing had happened. In torch, `detach()` gives a value that no gradient passes.
#
# **Exercise 3.** Write it in one line.


# %% tags=["exercise"]
def straight_through(x, rounded):
    # BEGIN SOLUTION: return None
    return x + (rounded - x).detach()
    # END SOLUTION


check.straight_through(straight_through)

# %% [markdown]
# The table itself learns without gradients: each row moves to the running average of the vectors that chose it (EMA).
# And a *commitment loss* draws the vectors to their codes, so that the two do not run away from each other.
#
# Now live, on this very recording: 60 steps, once as it is, once with dead codes revived.

# %%
runs = {revive: train_codebook(content, 64, steps=60, revive=revive) for revive in (False, True)}
for revive, run in runs.items():
    print(f"revive={revive!s:5}  perplexity {run.perplexity[-1]:5.1f} of 64   variance lost {run.error[-1]:.2f}")

# %% tags=["figure"]
figures.codebook_usage(runs[False].codes, 64, title="Without revival")

# %% tags=["figure"]
figures.codebook_usage(runs[True].codes, 64, title="With revival")

# %% [markdown]
# A row that nothing chooses never moves, and a row that never moves is never chosen: it is dead.
#
# **Exercise 4.** Bring them back. `counts` (K,) is how often each row was chosen lately. Give a *new* table in which
# every row with a count less than `below` is one of the `vectors`, a different one for each.


# %% tags=["exercise"]
def revive(table, counts, vectors, below):
    # BEGIN SOLUTION: return None
    dead = counts < below
    table = table.clone()
    table[dead] = vectors[torch.randperm(len(vectors))[: int(dead.sum())]]
    return table
    # END SOLUTION


check.revive(revive)

# %% [markdown]
# ## How many codes?
#
# Every change trains a new codebook. What does doubling the codes buy, and when does it stop? What happens without
# any commitment, and with too much of it?

# %% tags=["widget"]
explorer = CodebookExplorer(content)
explorer.view

# %% [markdown]
# ## What do the codes of nano stand for?
#
# Nano's own codes on this recording: for each, which phones it fell together with. A clean staircase means that a
# code determines its phone. U is the share of the phone's entropy that the code takes away. But few data flatter it:
# the same codes in random order should give nothing, and what they give is the chance level to compare with.

# %% tags=["figure"]
labels = recording.timed(lab).alignment.labels(len(codes), 25.0)
names, counts = joint_counts(labels, codes, quantizer.n_codes)
figures.phone_code_matrix(counts, [CTC_SYMBOLS[name] if name else "pause" for name in names])

# %%
shuffled = joint_counts(labels, codes[torch.randperm(len(codes))], quantizer.n_codes)[1]
print(f"U(phone|code) {figures.uncertainty(counts):.2f}, by chance {figures.uncertainty(shuffled):.2f}")

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/nn/quantizer.py`: the table, its averages, its revival.
# - `gsv_lab/nn/losses.py`: the commitment loss.
# - `gsv_lab/teaching/exercises/live.py`: what you trained just now.
#
# Next: **04, The GPT stage**, which writes these codes one after another.
