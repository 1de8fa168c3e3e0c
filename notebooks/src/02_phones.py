# %% [markdown]
# # 02 · From text to phones
#
# Spelling is a bad guide to sound. Before anything speaks, a text becomes *phones*: names of sounds, one by one.
#
# **Afterwards you can**
# 1. follow a text through normalisation, dictionary and rules, in English and Mandarin;
# 2. bring what is known of words to their phones;
# 3. see when each phone was said, and trust or doubt it.
#
# **You need** 00 and 01. **Minutes** 40. Runs offline on a laptop.

# %%
import gsv_lab  # before torch, which asks it how threads shall wait
import torch

from gsv_lab import figures
from gsv_lab.teaching.exercises import phones as check
from gsv_lab.teaching.exercises.distances import log_mel
from gsv_lab.teaching.exercises.material import find_speech
from gsv_lab.teaching.widgets.phones import PhoneExplorer
from gsv_lab.text import fold, normalise, phonemize
from gsv_lab.text.context import CHANNELS

lab = gsv_lab.load()
recording = find_speech()  # or your own: find_speech("me.wav", "what is said in it")
recording

# %% [markdown]
# ## Three steps
#
# 1. **Normalise**: numbers, dates, money and abbreviations become words.
# 2. **Look up**: a dictionary knows 126,000 English words; Mandarin characters get the reading that their word asks
#    for.
# 3. **Guess**: known stems with endings, a small network, and at last rules.

# %%
text = "On May 3rd, Dr. Lee paid $12.50 for the rewatchable Grindlewort concert."
phones = phonemize(text)
print(normalise(text))
print(*phones.symbols)
print(*[f"{word.text} ({word.source})" for word in phones.words if word.language], sep=", ")

# %% [markdown]
# English phones are ARPAbet; the digit of a vowel is its stress. Mandarin phones are an initial and a final with its
# tone. One spelling may have several readings, and the neighbours decide:

# %%
for text in ("I will read it.", "I read it yesterday.", "银行的行长来了。"):
    print(text, "->", *phonemize(text).symbols)

# %% [markdown]
# ## Try it
#
# Numbers, names that no dictionary has, both languages in one sentence, `[emph]loud[/emph]` words. The colour says
# where the phones of a word come from. Can you find a word that it gets wrong?

# %% tags=["widget"]
explorer = PhoneExplorer("The 2 of us met in 北京 and said: [emph]never[/emph] again, Zorblax!")
explorer.view

# %% [markdown]
# **Exercise 1.** A new rule for the lexicon. The past tense adds a D, but not always: after T and D it adds the
# syllable `"IH0", "D"`, and after the voiceless P, K, F, TH, S, SH and CH a T. `stem` and the result are tuples of
# phones.


# %% tags=["exercise"]
def past(stem):
    # BEGIN SOLUTION: return None
    if stem[-1] in ("T", "D"):
        return (*stem, "IH0", "D")
    return (*stem, "T" if stem[-1] in ("P", "K", "F", "TH", "S", "SH", "CH") else "D")
    # END SOLUTION


check.past(past)

# %% [markdown]
# ## What a phone cannot know
#
# A phone alone does not show its word, nor that a question mark is coming. *Context features* add it: borders, parts
# of speech, stress, emphasis. The released models take them from BERT; nano names them one by one.

# %% tags=["figure"]
question = phonemize("Did she really say [emph]that[/emph]?")
context = lab.family.synthesizer.context_encoder(question)
chosen = ("word_begin", "from_last_mark", "question", "emphasis", "stress_primary")
features = context[[CHANNELS.index(name) for name in chosen]]
figures.tensor_view(features.T, ("phone", "feature"), phones=question.symbols, title="columns: " + ", ".join(chosen))

# %% [markdown]
# **Exercise 2.** `word2phones` counts the phones of every word. Bring features of words (C, W) to phones (C, P): each
# column as often as its word has phones. (Look at `torch.repeat_interleave`.)


# %% tags=["exercise"]
def upsample(features, word2phones):
    # BEGIN SOLUTION: return None
    return features.repeat_interleave(torch.tensor(word2phones), dim=1)
    # END SOLUTION


check.upsample(upsample)

# %% [markdown]
# ## When was it said?
#
# The content encoder gives, 50 times a second, a probability for every phone. Given the phones of the text, *forced
# alignment* finds the most likely borders. Recognisers use a coarser alphabet, without stress and tone:

# %%
print([f"{name} -> {fold(name)}" for name in ("AH0", "ang4", "zh", ",")])
timed = recording.timed(lab)
print("phones from", "the transcript" if timed.from_transcript else "the recogniser, since no transcript is known")
doubtful = len(timed.alignment.doubtful())
print(f"{timed.alignment.quality:.2f} nats a phone; {doubtful} of {len(timed.symbols)} phones are doubtful")

# %% tags=["figure"]
seconds = 4.5
shown = sum(timed.alignment.end <= seconds)
start, end = timed.alignment.start[:shown], timed.alignment.end[:shown]
wave = recording.wave[: round(seconds * 16000)]
mel = log_mel(wave, 16000)
figures.phone_strip(wave, 16000, timed.symbols[:shown], start, end, mel=mel, rate=100)

# %% [markdown]
# Look at the stops (P, T, K): the alignment should put their borders around a gap in the mel and the burst after it.
# And what does it do with a wrong text? The score of each phone shows it:

# %%
wrong = phonemize("Completely different words, which nobody ever said in this recording.", "en")
print(f"a wrong text: {lab.recordings.align(recording.wave, wrong).quality:.2f} nats a phone")

# %% [markdown]
# **Exercise 3.** A network works on frames, so times must become counts of frames. `ends` holds the end of each phone
# in seconds, the first begins at 0, and there are no gaps. How many frames has each? Mind the rounding: the counts
# must not drift away from the times.


# %% tags=["exercise"]
def frame_counts(ends, rate):
    # BEGIN SOLUTION: return None
    borders = [0, *(round(end * rate) for end in ends)]
    return [after - before for before, after in zip(borders, borders[1:], strict=False)]
    # END SOLUTION


check.frame_counts(frame_counts)

# %% [markdown]
# ## What to read, where to go
#
# - `gsv_lab/text/front.py`: the three steps in a row.
# - `gsv_lab/text/lexicon.py`: your rule, and thirty more; `gsv_lab/text/sandhi.py`: tones that change their
#   neighbours.
# - `gsv_lab/audio/alignment.py`: why CTC needs help before it gives times.
#
# Next: **03, A codebook of speech**. How do 512 numbers hold everything that can be said?
