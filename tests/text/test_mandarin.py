"""Mandarin words to phones: polyphones, tone sandhi, the exact count of phones."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gsv_lab.text import SYMBOLS, hanzi, phonemize, zh
from gsv_lab.text.sandhi import apply_sandhi


def pinyin(text: str) -> str:
    """Syllables as spoken, without punctuation."""
    words = [word for chunk in re.findall("[一-龥]+", text) for word in apply_sandhi(hanzi.segment(chunk))]
    return " ".join(syllable for _, _, read in words for syllable in read)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("行长来了", "hang2 zhang3 lai2 le5"),
        ("银行", "yin2 hang2"),
        ("他在银行里行走", "ta1 zai4 yin2 hang2 li5 xing2 zou3"),
        ("长大", "zhang3 da4"),
        ("长江很长", "chang2 jiang1 hen3 chang2"),
        ("他长得很高", "ta1 zhang3 de5 hen3 gao1"),
        ("音乐", "yin1 yue4"),
        ("快乐", "kuai4 le4"),
        ("重要", "zhong4 yao4"),
        ("重新", "chong2 xin1"),
        ("觉得", "jue2 de5"),
        ("睡觉", "shui4 jiao4"),
        ("我得走了", "wo2 dei2 zou3 le5"),
        ("慢慢地走", "man4 man4 de5 zou3"),
        ("他还没还书", "ta1 hai2 mei2 huan2 shu1"),
        ("首都都知道", "shou3 du1 dou1 zhi1 dao5"),
        ("教书的教室", "jiao1 shu1 de5 jiao4 shi4"),
        ("头发发展", "tou2 fa5 fa1 zhan3"),
        ("大夫", "dai4 fu5"),
        ("主角参差", "zhu3 jue2 cen1 ci1"),
        ("出差差不多", "chu1 chai1 cha4 bu5 duo1"),
        ("处理好处", "chu2 li3 hao3 chu4"),
        ("着急地看着", "zhao2 ji2 de5 kan4 zhe5"),
        ("睡着了", "shui4 zhao2 le5"),
        ("三只猫", "san1 zhi1 mao1"),
        ("为了成为", "wei4 le5 cheng2 wei2"),
        ("姓曾", "xing4 zeng1"),
        ("便宜又方便", "pian2 yi5 you4 fang1 bian4"),
        ("数学", "shu4 xue2"),
    ],
)
def test_polyphones(text: str, spoken: str) -> None:
    assert pinyin(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("不是", "bu2 shi4"),
        ("不好", "bu4 hao3"),
        ("好不好", "hao3 bu5 hao3"),
        ("一个", "yi2 ge5"),
        ("一起", "yi4 qi3"),
        ("一定", "yi2 ding4"),
        ("统一", "tong3 yi1"),
        ("第一名", "di4 yi1 ming2"),
        ("一月", "yi1 yue4"),
        ("二十一", "er4 shi2 yi1"),
        ("一九一一年", "yi1 jiu3 yi1 yi1 nian2"),
        ("看一看", "kan4 yi5 kan4"),
        ("一点五", "yi1 dian2 wu3"),
        ("你好", "ni2 hao3"),
        ("展览馆", "zhan2 lan2 guan3"),
        ("小老鼠", "xiao3 lao2 shu3"),
        ("请你给我", "qing2 ni3 gei2 wo3"),
        ("我很好", "wo2 hen2 hao3"),
        ("妈妈", "ma1 ma5"),
        ("桌子", "zhuo1 zi5"),
        ("男子", "nan2 zi3"),
        ("我们", "wo3 men5"),
        ("花儿", "hua1 er5"),
        ("女儿", "nü3 er2".replace("ü", "v")),
        ("一会儿", "yi2 hui4 er5"),
    ],
)
def test_sandhi(text: str, spoken: str) -> None:
    assert pinyin(text) == spoken


@pytest.mark.parametrize(
    ("syllable", "parts"),
    [
        ("zhi", ("zh", "ir")), ("ri", ("r", "ir")), ("si", ("s", "i0")), ("yi", ("y", "i")), ("wu", ("w", "u")),
        ("yu", ("y", "v")), ("yue", ("y", "ve")), ("yuan", ("y", "van")), ("yun", ("y", "vn")), ("yan", ("y", "En")),
        ("ye", ("y", "E")), ("ya", ("y", "a")), ("you", ("y", "ou")), ("ju", ("j", "v")), ("quan", ("q", "van")),
        ("xun", ("x", "vn")), ("lv", ("l", "v")), ("nve", ("n", "ve")), ("lue", ("l", "ve")), ("an", ("AA", "an")),
        ("er", ("EE", "er")), ("ou", ("OO", "ou")), ("hui", ("h", "ui")), ("liu", ("l", "iu")), ("dun", ("d", "un")),
        ("xiong", ("x", "iong")), ("n", ("EE", "en")),
    ],
)  # fmt: skip
def test_syllables(syllable: str, parts: tuple[str, str]) -> None:
    assert zh.split_syllable(syllable) == parts


def test_every_syllable_of_the_dictionaries_gives_names_of_the_inventory() -> None:
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    readings = {to_normal(r, v_to_u=False) for value in PINYIN_DICT.values() for r in value.split(",")}
    names = set(SYMBOLS)
    strange = {r for r in readings if not {zh.split_syllable(r)[0], zh.split_syllable(r)[1] + "1"} <= names}
    assert not strange


def test_every_character_has_two_phones() -> None:
    phones = phonemize("今天，我们去银行。好吗？")
    assert phones.text == "今天,我们去银行.好吗?"
    assert len(phones.word2phones) == len(phones.text)
    assert [n for n, c in zip(phones.word2phones, phones.text, strict=True) if c >= "一"] == [2] * 9
    assert [n for n, c in zip(phones.word2phones, phones.text, strict=True) if c < "一"] == [1] * 3


def test_characters_without_a_reading_are_reported() -> None:
    phones = phonemize("好\u3403\U0002a7dd\U0002fa1d")
    unknown = [w for w in phones.words if w.source == "unknown"]
    assert bool(unknown) == any("No reading" in w for w in phones.warnings)
    assert sum(phones.word2phones) == len(phones.symbols) == 8


def test_real_texts(shared: Path) -> None:
    rows = (shared / "speech" / "aishell3_mini" / "metadata.csv").read_text(encoding="utf-8").splitlines()[1:]
    for row in rows[:25]:
        text = row.split("|")[3]
        phones = phonemize(text, "zh")
        characters = len(re.findall("[\u3400-\u9fff]", text))
        assert (
            phones.word2phones.count(2)
            == characters
            == len(phones.folded()[0])
            - sum(1 for i in range(0, len(phones.symbols), 2) if phones.symbols[i] not in ("AA", "EE", "OO"))
        )


def test_first_use_is_silent_and_writes_nothing(tmp_path: Path) -> None:
    code = "from gsv_lab.text import phonemize; print(json.dumps(phonemize('行长来了').symbols))"
    environment = {"TMPDIR": str(tmp_path), "PATH": "", "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", "import json;" + code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert json.loads(done.stdout)[:2] == ["h", "ang2"]
    assert not done.stderr
    assert not list(tmp_path.iterdir())
