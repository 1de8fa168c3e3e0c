"""What to read aloud for a voice, and which phones that covers.

The sentences were written for this kit. Each has 46 to 56 phones, 5 to 7 s of speech, so that one is enough for a
voice; together they hold every phone of their language.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from gsv_lab.text import fold, phonemize
from gsv_lab.text.symbols import EN_CONSONANTS, EN_VOWELS, ZH_FINALS, ZH_INITIALS

SCRIPTS: dict[str, tuple[str, ...]] = {
    "en": (
        "The young chef chose a thick, juicy orange from the garden and gave it to his father.",
        "Five loud voices shouted with joy when the show at the old theatre began.",
        "Usually we measure the sugar first, then pour warm milk over it and wait an hour.",
        "She put both boots near the door, because the path to the bus was full of mud.",
        "My cousin thinks that reading a good book beside the fire is a real treasure.",
        "Quick, catch the thin paper bird before the wind carries it away, or we shall lose it!",
    ),
    "zh": (
        "今天早上我和两个朋友一起去公园散步，看见很多人在湖边唱歌。",
        "他的女儿喜欢吃草莓和西瓜，可是医生说她应该多喝热水。",
        "秋天的夜里，我坐在窗前给街角的研究员写信，谢谢他的帮助。",
        "这条路很窄，下雪的时候汽车开不快，我们只好从旁边绕过去。",
        "一群孩子跑到四川的竹林里，看熊猫爬树，听老人讲军队的故事。",
        "请你把那本厚厚的词典放回书架，顺便帮我找一支红色的铅笔。",
    ),
}
"""Sentences by language."""

INVENTORY: dict[str, tuple[str, ...]] = {
    "en": tuple(sorted((*EN_CONSONANTS, *EN_VOWELS))),
    "zh": tuple(sorted((*ZH_INITIALS, *ZH_FINALS))),
}
"""The phones of a language without stress or tone, as recognisers use them."""

NAMES = {"en": "English", "zh": "Mandarin"}


@cache
def phones_in(text: str, language: str) -> frozenset[str]:
    """The phones of a text, each once, without stress or tone."""
    return frozenset(filter(None, map(fold, phonemize(text, language).symbols)))


def covered(texts: Iterable[str], language: str) -> frozenset[str]:
    """The phones that some texts cover together."""
    return frozenset().union(*(phones_in(text, language) for text in texts))
