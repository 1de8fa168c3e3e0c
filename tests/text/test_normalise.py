"""Numbers, dates, money, units and abbreviations in both languages."""
# ruff: noqa: E501

from __future__ import annotations

import random
import re

import pytest

from gsv_lab.errors import TextError
from gsv_lab.text import normalise, numbers_en, numbers_zh
from gsv_lab.text.normalise_en import normalise as english
from gsv_lab.text.normalise_zh import normalise as mandarin

ENGLISH = [
    ("I have 3 apples and 21 pears", "I have three apples and twenty one pears"),
    ("1,234,567 people", "one million two hundred thirty four thousand five hundred sixty seven people"),
    ("the 1st, 2nd, 3rd, 12th and 100th", "the first, second, third, twelfth and one hundredth"),
    (
        "in 1999, 1905, 2000, 2007 and 2024",
        "in nineteen ninety nine, nineteen oh five, two thousand, two thousand seven and twenty twenty four",
    ),
    ("in 1066", "in ten sixty six"),
    ("the 1990s and '80s", "the nineteen nineties and eighties"),
    ("1914-18, pages 3-5, 10-20 people", "nineteen fourteen to eighteen, pages three to five, ten to twenty people"),
    (
        "It costs $4.50, £1, €20, US$5 or ¥500",
        "It costs four dollars and fifty cents, one pound, twenty euros, U S five dollars or five hundred yen",
    ),
    ("$3 million and $1.2bn", "three million dollars and one point two billion dollars"),
    ("$.50, £.99 and -$.05", "fifty cents, ninety nine pence and minus five cents"),
    ("$0.99 and -$5", "ninety nine cents and minus five dollars"),
    ("At 10:30 p.m. on Friday", "At ten thirty P M on Friday"),
    ("We met at 7 a.m.", "We met at seven A M."),
    ("at 12:00 and 9:05", "at twelve o'clock and nine oh five"),
    ("2024-05-01 or 5/12/2024", "May first, twenty twenty four or May twelfth, twenty twenty four"),
    ("May 1st, 2024 and 1 May 1905", "May first, twenty twenty four and the first of May, nineteen oh five"),
    ("Aug. 5", "August fifth"),
    ("3.14 and 0.5 and .5 and -2", "three point one four and zero point five and zero point five and minus two"),
    ("5kg, 10 km, 60 mph, 1 ft", "five kilograms, ten kilometers, sixty miles per hour, one foot"),
    ("20°C and -5 °F", "twenty degrees Celsius and minus five degrees Fahrenheit"),
    ("3 in a row", "three in a row"),
    ("50% of 3.5%", "fifty percent of three point five percent"),
    (
        "1/2 cup, 3/4 mile, 2 1/2 hours, 7/120",
        "one half cup, three quarters mile, two and a half hours, seven over one hundred twenty",
    ),
    (
        "call 555-123-4567 or +1 (555) 123-4567",
        "call five five five, one two three, four five six seven or plus one, five five five, one two three, four five six seven",
    ),
    ("Dr. Smith vs. Mr. Jones", "doctor Smith versus mister Jones"),
    ("on Main St. near St. Paul", "on Main street near saint Paul"),
    ("e.g. this, i.e. that, etc.", "for example, this, that is, that, et cetera."),
    ("the U.S.A. is big", "the U S A is big"),
    (
        "Henry VIII, Chapter IV, World War II, Louis XIV",
        "Henry the eighth, Chapter four, World War two, Louis the fourteenth",
    ),
    ("I am Civil", "I am Civil"),
    ("write to jo.doe@example.com", "write to jo dot doe at example dot com"),
    ("see https://www.example.com/a.", "see w w w dot example dot com slash a."),
    ("2 + 3 = 5 and 7 - 2", "two plus three equals five and seven minus two"),
    ("3*4, 3×4 and 4x4", "three times four, three times four and four by four"),
    ("No. 7 and #5", "number seven and number five"),
    ("version 1.2.3", "version one point two point three"),
    ("007", "zero zero seven"),
    ("R&D", "R and D"),
    ("well-known twenty-one", "well known twenty one"),
    ("α and Ω", "alpha and omega"),
    ("and/or", "and or"),
]
MANDARIN = [
    ("今天是2024年5月1日", "今天是二零二四年五月一日"),
    ("2024/05/01和2024-05-01", "二零二四年五月一日和二零二四年五月一日"),
    ("气温-3.5°C，湿度60%", "气温零下三点五度，湿度百分之六十"),
    ("第10001名，共123456789人", "第一万零一名，共一亿二千三百四十五万六千七百八十九人"),
    ("2个人，第2名，12个，200个，2000人", "两个人，第二名，十二个，二百个，两千人"),
    ("12:30和9:05，3:05:20", "十二点半和九点零五分，三点零五分二十秒"),
    ("08:30~10:15", "八点半至十点十五分"),
    ("比分是3:2，比分10:12", "比分是三比二，比分十比十二"),
    ("1/2杯，1 1/2杯", "二分之一杯，一又二分之一杯"),
    ("100km/h，5kg，12m", "一百千米每小时，五千克，十二米"),
    ("10~20元，3-5天，1998-2003年", "十到二十元，三到五天，一九九八到二零零三年"),
    ("¥100，$3.5，€20，3.5万元", "一百元，三点五美元，二十欧元，三点五万元"),
    ("我有1000000元和0.05元", "我有一百万元和零点零五元"),
    ("电话是13812345678，座机010-12345678", "电话是幺三八幺二三四五六七八，座机零幺零,幺二三四五六七八"),
    ("编号A-001，房号302。", "编号A零零幺，房号三零二。"),
    ("5+3=8，7-2=5，2×3=6，8÷4=2", "五加三等于八，七减二等于五，二乘三等于六，八除以四等于二"),
    ("负数-5和-3.2", "负数负五和负三点二"),
    ("x^2+y^3", "x的平方加y的立方"),
    ("版本1.2.3", "版本一点二点三"),
    ("10月1日-10月7日", "十月一日至十月七日"),
    ("90后，3年，1998年", "九零后，三年，一九九八年"),
    ("面積為12平方米", "面积为十二平方米"),
    ("α和β", "阿尔法和贝塔"),
    ("约~30人", "约三十人"),
    ("1,234,567人", "一百二十三万四千五百六十七人"),
]


@pytest.mark.parametrize(("text", "spoken"), ENGLISH, ids=[t for t, _ in ENGLISH])
def test_english(text: str, spoken: str) -> None:
    assert english(text) == spoken


@pytest.mark.parametrize(("text", "spoken"), MANDARIN, ids=[t for t, _ in MANDARIN])
def test_mandarin(text: str, spoken: str) -> None:
    assert mandarin(text) == spoken


@pytest.mark.parametrize(
    ("text", "language", "spoken"),
    [
        ("123", "auto", "one hundred twenty three"),
        ("123", "zh", "一百二十三"),
        ("我有3个apple", "auto", "我有三个apple"),
        ("用iPhone 15 Pro拍照", "auto", "用iPhone fifteen Pro拍照"),
        ("用iPhone 15 Pro拍照", "zh", "用iPhone十五Pro拍照"),
        ("hello 5 world", "auto", "hello five world"),
        ("他说Dr. Smith来了5次", "auto", "他说doctor Smith来了五次"),
    ],
)
def test_the_language_of_numbers(text: str, language: str, spoken: str) -> None:
    assert normalise(text, language) == spoken


# An independent reading of number words, to check the writers against.
_VALUES = {w: i for i, w in enumerate(numbers_en._ONES)} | {w: 10 * i for i, w in enumerate(numbers_en._TENS) if i > 1}


def value_of_english(words: str) -> int:
    total = group = 0
    for word in words.replace("-", " ").split():
        if word in _VALUES:
            group += _VALUES[word]
        elif word == "hundred":
            group *= 100
        else:
            total, group = total + group * 1000 ** numbers_en._SCALES.index(word), 0
    return total + group


def value_of_mandarin(words: str) -> int:
    total = group = digit = 0
    for character in words:
        if character in numbers_zh.DIGITS:
            digit = numbers_zh.DIGITS.index(character)
        elif character in "十百千":
            group, digit = group + (digit or 1) * 10 ** ("十百千".index(character) + 1), 0
        elif character == "万":
            total, group, digit = total + (group + digit) * 10**4, 0, 0
        else:
            total, group, digit = (total + group + digit) * 10**8, 0, 0
    return total + group + digit


def some_numbers() -> list[int]:
    rng = random.Random(7)
    edges = [
        0,
        1,
        9,
        10,
        11,
        19,
        20,
        100,
        101,
        110,
        999,
        1000,
        1001,
        1010,
        10_000,
        10_010,
        100_000,
        10**6,
        10**8,
        10**8 + 1,
    ]
    return edges + [rng.randrange(10 ** rng.randint(1, 12)) for _ in range(400)]


def test_cardinals_read_back() -> None:
    for number in some_numbers():
        assert value_of_english(numbers_en.cardinal(str(number))) == number
        assert value_of_mandarin(numbers_zh.cardinal(str(number))) == number, number


def test_inner_zeros_are_read_once() -> None:
    assert numbers_zh.cardinal("10010") == "一万零一十"
    assert numbers_zh.cardinal("100000001") == "一亿零一"
    assert numbers_zh.cardinal("20005000") == "二千万五千"


def test_roman_numerals_read_back() -> None:
    def write(n: int) -> str:
        out = ""
        for value, sign in (
            (100, "C"),
            (90, "XC"),
            (50, "L"),
            (40, "XL"),
            (10, "X"),
            (9, "IX"),
            (5, "V"),
            (4, "IV"),
            (1, "I"),
        ):
            out, n = out + sign * (n // value), n % value
        return out

    assert all(numbers_en.roman(write(n)) == n for n in range(1, 200))
    assert numbers_en.roman("IIX") == numbers_en.roman("ABC") == numbers_en.roman("IC") == 0


def test_long_numbers() -> None:
    assert english("1" * 22) == " ".join(["one"] * 22)
    assert mandarin("数" + "1" * 20) == "数" + "幺" * 20
    with pytest.raises(TextError, match="201 digits"):
        numbers_en.cardinal("1" * 201)


@pytest.mark.parametrize("text", [t for t, _ in ENGLISH])
def test_no_digit_or_symbol_is_left(text: str) -> None:
    assert not re.search(r"[\d$£€%+=#@&°×]", english(text))
