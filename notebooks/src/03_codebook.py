# %% [markdown]
# # 03 · A codebook of speech
#
# SemanticGPT writes speech as others write text: letter by letter. But speech has no letters. A *codebook* makes
# them.
#
# **Afterwards you can**
# 1. round vectors to codes, and say how well a codebook is used;
# 2. let gradients pass a rounding, and let a table follow its data;
# 3. recognise dead codes, bring them back to life, and hear the difference.
#
# **You need** 01, and what a gradient is. **Minutes** 60. **Difficulty** ●●○. Runs offline on a laptop.
#
# **You will hear** single codes, one sentence by 2, 8, 64 and 512 codes, your own codebook, and nano with its codes
# shuffled; in Mandarin, too.

# %% tags=["setup"]
import gsv_lab  # before torch, which asks it how threads shall wait
import torch

from gsv_lab import figures
from gsv_lab.teaching.exercises import codebook as check
from gsv_lab.teaching.exercises import live
from gsv_lab.teaching.exercises.code_sounds import CodeSounds, pieces, quiet_place
from gsv_lab.teaching.exercises.distances import content_likeness
from gsv_lab.teaching.exercises.excerpt import excerpt, spoken
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.page import heard, noted, shapes
from gsv_lab.teaching.widgets.codebook import CodebookExplorer
from gsv_lab.text import CTC_SYMBOLS

torch.manual_seed(0)
lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
with noted():
    voice = lab.clone(recording.path)
recording

# %%
figures.diagram("content_encoder", "quantizer")

# %% [markdown]
# ## From vectors to numbers
#
# Content is a cloud of vectors, 50 a second. The quantizer joins two frames to one vector $x$ (25 a second), and
# replaces it by the nearest row $e_k$ of its table. Only the number of the row goes on:
#
# $$ c = \arg\min_k \lVert x - e_k \rVert^2 $$
#
# (van den Oord et al. 2017, [arXiv:1711.00937](https://arxiv.org/abs/1711.00937), equations 1 and 2.) With 512 rows
# that are 9 bits where there were 192 numbers.

# %%
quantizer = lab.components()["quantizer"]
with gsv_lab.probe(lab, "content_encoder.content", "quantizer.*") as records, torch.no_grad():
    content = lab.components()["content_encoder"](recording.wave[None, None]).content
    quantizer.encode(content)
vectors, table = records["quantizer.projected"].value[0].T, quantizer.books[0].table
shapes(records)

# %% [markdown]
# **Exercise 1.** `vectors` is (N, D), `table` is (K, D). Give the number of the nearest row for each vector, (N,).


# %% tags=["exercise"]
def nearest(vectors, table):
    # BEGIN SOLUTION: return None
    return torch.cdist(vectors, table).argmin(dim=1)
    # END SOLUTION


card = check.nearest(nearest)
card

# %% [markdown]
# From here on, the codes of this notebook are made by your function, as soon as it is right.

# %%
nearest, whose = check.nearest.built(nearest, live.nearest)
codes = torch.as_tensor(nearest(vectors, table)).long()
print(f"nearest: {whose}. {len(codes)} codes, {len(codes.unique())} different: {codes[:12].tolist()} ...")

# %% [markdown]
# ## What does a code stand for?
#
# Codes have no names. But the phones of the recording are known, and so is which code fell together with which. A
# clean staircase below would mean that a code determines its phone. $U$ is the share of the phone's entropy that the
# code takes away,
#
# $$ U = \frac{H(\text{phone}) - H(\text{phone} \mid \text{code})}{H(\text{phone})} . $$
#
# Few data flatter it: the same codes in random order should give nothing, and what they give is the chance level. Then
# listen to three codes that speak often: each wherever it occurs, 40 ms at a time, end to end. Which sounds are they?

# %% tags=["figure"]
labels = recording.timed(lab).alignment.labels(len(codes), 25.0)
names, counts = live.joint_counts(labels, codes, quantizer.n_codes)
by_chance = live.joint_counts(labels, codes[torch.randperm(len(codes))], quantizer.n_codes)[1]
print(f"U {figures.uncertainty(counts):.2f}, by chance {figures.uncertainty(by_chance):.2f}")
common = live.common_codes(names, counts)
heard(
    figures.phone_code_matrix(counts, [CTC_SYMBOLS[name] if name else "pause" for name in names]),
    {f"code {code}": pieces(recording, codes, code) for code in common},
)

# %% [markdown]
# And Mandarin? Nano speaks it with the same 512 codes. Guess before you run the cell: which share of a Mandarin
# sentence's codes also occur in these 31 seconds of English? The second player has the sentence's codes alone, no
# phones, no voice, no network: each as the mean sound of the nearest code that the recording has.

# %%
print("they were mostly:", *(f"code {code} {CTC_SYMBOLS[name]}," for code, name in common.items()))
chinese = lab.speak("今天天气很好，我们一起回家吧。", voice, seed=0)
english_sounds = CodeSounds(recording.wave, codes, table)
english = lab.speak("The weather is lovely today, let us walk home.", voice, seed=0)
for name, speech in (("English", english), ("Mandarin", chinese)):
    known = torch.isin(speech.codes, codes).float().mean()
    print(f"{name}: {known:.0%} of {len(speech.codes)} codes also occur in the recording")
heard(None, {"Mandarin": chinese, "its codes, with the recording's sounds": english_sounds.speak(chinese.codes)})

# %% [markdown]
# Nobody told the quantizer of languages. But nano's content encoder learned the phones of the two as different symbols,
# so its vectors lie apart, and the book has an English half and a Mandarin half.
#
# **Exercise 2.** Are all codes used? *Perplexity* is $e^{H}$, where $H = -\sum_k p_k \ln p_k$ is the entropy of how often
# each code occurs. If all of them occur alike, it is their number; if one does all the work, it is 1.


# %% tags=["exercise"]
def perplexity(codes, n_codes):
    # BEGIN SOLUTION: return None
    share = torch.bincount(codes, minlength=n_codes) / len(codes)
    share = share[share > 0]
    return float((-(share * share.log()).sum()).exp())
    # END SOLUTION


card = check.perplexity(perplexity)
card

# %% [markdown]
# ## Training through a rounding
#
# Rounding has no slope: move a vector a little, and its code stays the same. So nothing in front of it could learn.
# The way out is the *straight-through* gradient: forward the code vector goes on, backward the gradient is handed to
# the vector as if nothing had happened. With $\mathrm{sg}$ for a value that no gradient passes (`detach()` in torch), the
# whole objective is (equation 3 of the paper)
#
# $$ L = \underbrace{-\log p(y \mid e)}_{\text{reconstruction}} + \lVert \mathrm{sg}[x] - e \rVert^2 +
# \beta\, \underbrace{\lVert x - \mathrm{sg}[e] \rVert^2}_{\text{commitment}} . $$
#
# **Exercise 3.** Write the straight-through value in one line.


# %% tags=["exercise"]
def straight_through(x, rounded):
    # BEGIN SOLUTION: return None
    return x + (rounded - x).detach()
    # END SOLUTION


card = check.straight_through(straight_through)
card

# %% [markdown]
# The second term, which moves the table, can do without gradients: each row becomes the running average of the vectors
# that chose it (appendix A.1; $n_k$ vectors chose row $k$ in this step):
#
# $$ N_k \leftarrow \gamma N_k + (1 - \gamma)\, n_k, \quad m_k \leftarrow \gamma m_k + (1 - \gamma) \sum_{c_i = k} x_i,
# \quad e_k = m_k / N_k . $$
#
# **Exercise 4.** Make one step: `counts` $N$ (K,), `sums` $m$ (K, D), and this step's `vectors` (N, D) with their `codes`
# (N,). Give the new counts and sums; $\gamma$ is `decay`.


# %% tags=["exercise"]
def follow(counts, sums, vectors, codes, decay):
    # BEGIN SOLUTION: return None
    new_counts = torch.bincount(codes, minlength=len(counts))
    new_sums = torch.zeros_like(sums).index_add(0, codes, vectors)
    return decay * counts + (1 - decay) * new_counts, decay * sums + (1 - decay) * new_sums
    # END SOLUTION


card = check.follow(follow)
card

# %% [markdown]
# Now your two functions grow a codebook of 64 codes on this recording, from a random table.

# %% tags=["figure"]
follow, whose = check.follow.built(follow, live.follow)
grown = live.grow(vectors, 64, nearest, follow)
print(f"averages: {whose}. {grown.lost:.2f} of the variance is lost")
figures.codebook_usage(grown.codes, 64, title="Grown from a random table")

# %% [markdown]
# A row that nothing chooses never moves, and a row that never moves is never chosen: it is *dead*.
#
# **Exercise 5.** Bring them back. `counts` (K,) is how often each row was chosen lately. Give a *new* table in which
# every row with a count less than `below` is one of the `vectors`, a different one for each.


# %% tags=["exercise"]
def revive(table, counts, vectors, below):
    # BEGIN SOLUTION: return None
    dead = counts < below
    table = table.clone()
    table[dead] = vectors[torch.randperm(len(vectors))[: int(dead.sum())]]
    return table
    # END SOLUTION


card = check.revive(revive)
card

# %% [markdown]
# The last part of the recording is now spoken by codes alone. What each code sounds like was learned on the part
# before it. *Likeness* compares what is said with the recording: 1 is the same, other speech is near 0. Do you hear
# what revival brought? By likeness the two books come equally near, although in the first one half of the rows are
# dead; the variance that is lost tells them apart.

# %% tags=["figure"]
cut = quiet_place(recording.wave)
before, after = recording.wave[: 640 * cut], recording.wave[640 * cut :]
revive, whose = check.revive.built(revive, live.revived)
renewed = live.grow(vectors, 64, nearest, follow, revive)
sounds = {"the recording": (after, 16000)}
for name, book in (("dead codes left", grown), ("revived", renewed)):
    sounds[name] = CodeSounds(before, book.codes[:cut], book.table).speak(book.codes[cut:])
    print(f"{name}: {book.lost:.2f} lost, likeness {content_likeness(lab, after, sounds[name].wave):.2f}")
print("revival:", whose)
heard(figures.codebook_usage(renewed.codes, 64, title="With revival"), sounds)

# %% [markdown]
# ## How many codes?
#
# The same sentence by 2, 8 and 64 codes that are trained on this recording, and by the 512 that nano learned from ten
# hours of many voices. From how many on do you understand a word? Pitch is a mean of whatever a code met, hence the
# growl.

# %%
sounds = {"the recording": (after, 16000)}
for n in (2, 8, 64):
    book = live.grow(vectors, n, nearest, follow, revive)
    sounds[f"{n} codes"] = CodeSounds(before, book.codes[:cut], book.table).speak(book.codes[cut:])
sounds["nano's 512"] = CodeSounds(before, codes[:cut], table).speak(codes[cut:])
for name, sound in list(sounds.items())[1:]:
    print(f"{name}: likeness {content_likeness(lab, after, sound.wave):.2f}")
heard(None, sounds)

# %% [markdown]
# Every change below trains a new codebook with gradients, as in the paper. What does doubling the codes buy, and when
# does it stop? What happens without any commitment, and with too much of it?

# %% tags=["widget"]
explorer = CodebookExplorer(content)
explorer.view

# %% [markdown]
# ## What the codes decide
#
# **Exercise 6.** Nano is handed the codes of a sentence in *random order*; phones, their times and the voice stay as they
# were. What do you hear: `"noise"`, `"same words"`, `"other words"`, `"other voice"`, or another `"length"`?

# %% tags=["exercise"]
# BEGIN SOLUTION: answer = None
answer = "same words"
# END SOLUTION
card = check.shuffled(answer)
card

# %%
part = excerpt(lab, recording)
mixed = part.codes[torch.randperm(len(part.codes))]
alone = CodeSounds(recording.wave, codes, table)
sounds = {"codes in order": part.codes, "in random order": mixed}
sounds = {name: spoken(lab, part.phones, chosen, voice.speaker, part.phone_index) for name, chosen in sounds.items()}
sounds["random order, codes alone"] = alone.speak(mixed)
for name, sound in sounds.items():
    print(f"{name}: likeness {content_likeness(lab, part.wave, sound.wave):.2f}")
heard(None, sounds)

# %% [markdown]
# ## Two books
#
# **Exercise 7, stretch.** More codes need a larger table. A *residual* quantizer (Zeghidour et al. 2021,
# [arXiv:2107.03312](https://arxiv.org/abs/2107.03312), algorithm 1) takes a second book for what the first left over. Give
# both codes of each vector, and the sum of the two rows that they stand for.


# %% tags=["exercise"]
def residual(vectors, first, second):
    # BEGIN SOLUTION: return None
    one = torch.cdist(vectors, first).argmin(dim=1)
    two = torch.cdist(vectors - first[one], second).argmin(dim=1)
    return one, two, first[one] + second[two]
    # END SOLUTION


card = check.residual(residual)
card

# %%
residual, whose = check.residual.built(residual, live.residual)
first, one_book = live.grow(vectors, 8, revive=revive), live.grow(vectors, 64, revive=revive)
second = live.grow(vectors - first.table[first.codes], 8, revive=revive)
rest = vectors - torch.as_tensor(residual(vectors, first.table, second.table)[2])
lost = float(rest.square().sum() / (vectors - vectors.mean(0)).square().sum())
print(f"two books: {whose}. 3 bits, 8 rows: {first.lost:.2f} lost; 3 + 3 bits, 16 rows: {lost:.2f};", end=" ")
print(f"6 bits, 64 rows: {one_book.lost:.2f}")

# %% [markdown]
# For the same bits one large book is the better one, but it grows twice as large with every bit; residual books only
# add up.
#
# ## Further reading
#
# - van den Oord et al. 2017, [Neural discrete representation learning](https://arxiv.org/abs/1711.00937); Zeghidour et al.
#   2021, [SoundStream](https://arxiv.org/abs/2107.03312), III-C on dead codes; Dhariwal et al. 2020,
#   [Jukebox](https://arxiv.org/abs/2005.00341), 3.1; Hsu et al. 2021, [HuBERT](https://arxiv.org/abs/2106.07447), whose
#   codes are k-means.
# - `gsv_lab/nn/quantizer.py`: the table, its averages, its revival. `gsv_lab/nn/losses.py`: the commitment loss.
#   `gsv_lab/teaching/exercises/live.py` and `code_sounds.py`: what you grew and heard.
#
# **Next:** 04, The GPT stage, which writes these codes one after another.
