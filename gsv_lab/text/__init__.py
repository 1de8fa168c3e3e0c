"""Text front ends: a text in English, Mandarin or both to phones, words and context features.

    phones = phonemize("The bank opens at nine.")      # Phones: symbols, word2phones, words, warnings

Importing the package loads neither torch nor a dictionary.
"""

from __future__ import annotations

from gsv_lab.text.front import normalise, phonemize
from gsv_lab.text.phones import Phones, Word
from gsv_lab.text.split import split_sentences
from gsv_lab.text.symbols import CTC_SYMBOLS, SYMBOLS, fold

__all__ = ["CTC_SYMBOLS", "SYMBOLS", "Phones", "Word", "fold", "normalise", "phonemize", "split_sentences"]
