"""Sentences of the kit's own, of kinds that recordings to tune on rarely hold: what a tuned voice must still be able to
say, and what a transcript is compared with.
"""

from __future__ import annotations

OWN: dict[str, tuple[str, ...]] = {
    "en": (
        "Where did you leave the keys to the garden shed?",
        "The train leaves at seven forty five, and the next one an hour later.",
        "Please send the letters to Doctor Harper, not to Mister Quinn.",
        "Absolutely not! Who would ever believe such a story?",
        "Quantum computers use superposition and entanglement to process information.",
        "Six thick thistle sticks stood beside the shallow ship.",
    ),
    "zh": (
        "你把花园的钥匙放在哪里了？",
        "火车七点四十五分开，下一班要再等一个小时。",
        "请把这些信交给王医生，不要交给李先生。",
        "绝对不行！谁会相信这样的故事呢？",
        "量子计算机利用叠加和纠缠来处理信息。",
        "四是四，十是十，十四是十四，四十是四十。",
    ),
}
"""Language -> a question, times, names, an exclamation, technical words, a tongue twister."""
