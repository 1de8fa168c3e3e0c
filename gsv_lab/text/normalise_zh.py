"""Mandarin text with digits and symbols to Mandarin text in characters.

Traditional characters become simplified ones, because the dictionaries know those best. Each step is one pattern with
one reading; the order matters. Latin words are left as they are: they belong to the English front end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from gsv_lab.text import numbers_zh as num

_UNITS = {
    **{"km/h": "千米每小时", "m/s": "米每秒", "km^2": "平方千米", "m^2": "平方米", "m^3": "立方米"},
    **{"cm^2": "平方厘米", "km": "千米", "cm": "厘米", "mm": "毫米", "m": "米", "kg": "千克", "mg": "毫克"},
    **{"g": "克", "t": "吨"},
    **{"mL": "毫升", "ml": "毫升", "L": "升", "l": "升", "kHz": "千赫", "MHz": "兆赫", "GHz": "吉赫", "Hz": "赫兹"},
    **{"kWh": "千瓦时", "kW": "千瓦", "W": "瓦", "V": "伏", "dB": "分贝", "ms": "毫秒", "s": "秒", "min": "分钟"},
    **{"h": "小时"},
    **{"°C": "摄氏度", "°F": "华氏度", "°": "度", "%": "%", "‰": "‰"},
}
UNIT_PATTERN = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_MONEY = {"¥": "元", "$": "美元", "€": "欧元", "£": "英镑", "₩": "韩元", "₹": "卢比", "₽": "卢布"}
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        (
            "阿尔法 贝塔 伽马 德尔塔 艾普西龙 泽塔 伊塔 西塔 约塔 卡帕 拉姆达 缪 纽 克西 欧米克戎 派 柔 西格马 "
            "西格马 陶 "
            "宇普西龙 斐 希 普西 欧米伽"
        ).split(),
        strict=True,
    )
)
_SYMBOLS = {
    **{"+": "加", "=": "等于", "×": "乘", "÷": "除以", "±": "正负", "≈": "约等于", "≠": "不等于"},
    **{"≤": "小于等于", "≥": "大于等于"},
    **{"<": "小于", ">": "大于", "√": "根号", "&": "和", "@": "艾特", "#": "井号", "%": "百分号", "°": "度"},
    **{"‰": "千分号"},
    **{"$": "美元", "€": "欧元", "£": "英镑", "¥": "元", "₹": "卢比", "₩": "韩元", "₽": "卢布", "¢": "分"},
}
_MEASURE = (
    "个|只|条|张|位|名|件|本|把|台|辆|座|间|家|所|次|回|遍|场|首|篇|颗|粒|块|片|朵|棵|匹|头|口|双|对|套|份|杯|瓶|碗|盒|"
    "箱|袋|天|年|周|小时|分钟|秒钟|点钟|斤|公斤|里|公里|米|厘米|千米|千克|吨|元|岁|层|倍|人|种|门|幅|支|枚|艘|架|股|道|"
    "扇|盏|根|滴"
)
# Words after which digits are a code and are read one by one.
_CODE = "号码|电话|手机|座机|房号|房间|编号|邮编|QQ|密码|代码|工号|学号|车牌|尾号|热线|航班|验证码|账号|门牌|传真"
_N = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
Match = re.Match[str]


@cache
def _converter() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def simplify(text: str) -> str:
    """Traditional to simplified characters; one character stays one character."""
    if not re.search("[\u3400-\u9fff]", text):
        return text
    return "".join(_simple(c) for c in text)


@cache
def _simple(character: str) -> str:
    converted = _converter().convert(character) if ord(character) > 0x3000 else character
    return converted if len(converted) == 1 else character


def normalise(text: str) -> str:
    """Mandarin text in which every number and symbol is written in characters.

    >>> normalise("今天是2024年5月1日，气温-3.5°C。")
    '今天是二零二四年五月一日，气温零下三点五度。'
    """
    text = simplify(text)
    for pattern, reading in _steps():
        text = pattern.sub(reading, text)
    return text


def _date(match: Match) -> str:
    year, month, day = match.group(1), match.group(3), match.group(4)
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return match.group()
    return f"{num.spell_digits(year)}年{num.number(str(int(month)))}月{num.number(str(int(day)))}日"


def _clock(hour: str, minute: str, second: str | None) -> str:
    spoken = f"{num.number(str(int(hour)), pair=True)}点"
    if second:
        zero = "零" if int(minute) < 10 and int(minute) else ""
        return f"{spoken}{zero}{num.number(str(int(minute)))}分{num.number(str(int(second)))}秒"
    if int(minute) == 30:
        return spoken + "半"
    if int(minute) == 0:
        return spoken + "整"
    return f"{spoken}{'零' if int(minute) < 10 else ''}{num.number(str(int(minute)))}分"


def _time(match: Match) -> str:
    score = "比" in match.string[max(match.start() - 6, 0) : match.start()]
    if score or int(match.group(1)) > 24 or int(match.group(2)) > 59:
        return f"{num.number(match.group(1))}比{num.number(str(int(match.group(2))))}"
    return _clock(*match.group(1, 2, 3))


def _time_range(match: Match) -> str:
    return f"{_clock(match.group(1), match.group(2), None)}至{_clock(match.group(3), match.group(4), None)}"


def _percent(match: Match) -> str:
    sign = "负" if match.group(1) else ""
    return f"{sign}{'百' if match.group(3) == '%' else '千'}分之{num.number(match.group(2))}"


def _temperature(match: Match) -> str:
    sign = "零下" if match.group(1) else ""
    # Where the word temperature stands before it, people leave the scale out.
    celsius = "度" if "温" in match.string[max(match.start() - 8, 0) : match.start()] else "摄氏度"
    return f"{sign}{num.number(match.group(2))}{'华氏度' if match.group(3) == 'F' else celsius}"


def _unit(match: Match) -> str:
    return num.number((match.group(1) or "") + match.group(2), pair=True) + _UNITS[match.group(3)]


def _money(match: Match) -> str:
    return f"{num.number((match.group(1) or '') + match.group(3))}{match.group(4) or ''}{_MONEY[match.group(2)]}"


def _range(match: Match) -> str:
    return f"{num.number(match.group(1))}到{num.number(match.group(2))}"


def _phone(match: Match) -> str:
    groups = [num.spell_digits(group, one="幺") for group in re.findall(r"\d+", match.group())]
    return ("加" if match.group().startswith("+") else "") + ",".join(groups)


def _code(match: Match) -> str:
    return match.group(1).replace("-", "") + num.spell_digits(match.group(2), one="幺")


def _fraction(match: Match) -> str:
    whole = f"{num.number(match.group(1))}又" if match.group(1) else ""
    return f"{whole}{num.number(match.group(3))}分之{num.number(match.group(2))}"


def _power(match: Match) -> str:
    return {"2": "的平方", "3": "的立方"}.get(match.group(1), f"的{num.number(match.group(1))}次方")


def _counted(match: Match) -> str:
    return num.number(match.group(1), pair=True) + match.group(2)


def _version(match: Match) -> str:
    return "点".join(num.number(part) for part in match.group().split("."))


def _plain(match: Match) -> str:
    digits = match.group()
    return num.spell_digits(digits, one="幺") if digits.isdigit() and len(digits) > 10 else num.number(digits)


@cache
def _steps() -> list[tuple[re.Pattern[str], str | Callable[[Match], str]]]:
    clock = r"(\d{1,2}):(\d\d)"
    table: list[tuple[str, str | Callable[[Match], str]]] = [
        (r"(?<!\d)(\d{4})([\-/.])(\d{1,2})\2(\d{1,2})(?![\d\-/.])", _date),
        (r"(?<!\d)(\d{4})\s?[\-~—]\s?(\d{4})(?=年)", lambda m: "到".join(map(num.spell_digits, m.groups()))),
        (r"(?<!\d)(\d{4})(?=年)|(?<!\d)(\d0)(?=后)", lambda m: num.spell_digits(m.group())),
        (rf"(?<![\d:]){clock}\s?[\-~—]\s?{clock}(?![\d:])", _time_range),
        (rf"(?<![\d:]){clock}(?::(\d\d))?(?![\d:])", _time),
        (r"(?<![\d:])(\d+):(\d+)(?![\d:])", lambda m: f"{num.number(m.group(1))}比{num.number(m.group(2))}"),
        (r"(?<=[日号月年天时点分])\s?[\-~—]\s?(?=\d)", "至"),
        (rf"(-?)({_N})\s?°([CF])", _temperature),
        (rf"(-?)({_N})([%‰])", _percent),
        (rf"(-?)([{''.join(_MONEY)}])\s?({_N})\s?([万亿])?", _money),
        (rf"()({_N})([{''.join(_MONEY)}])", lambda m: num.number(m.group(2)) + _MONEY[m.group(3)]),
        (r"(?<!\d)1[3-9]\d{9}(?!\d)|(?<![\d.])0\d{2,3}[\- ]\d{7,8}(?!\d)|\+\d{1,3}[ \-]?\d[\d \-]{6,18}\d", _phone),
        (r"(?<!\d)[48]00-\d{3}-?\d{4}(?!\d)|(?<!\d)\d{3,4}-\d{7,8}(?!\d)|(?<!\d)[48]00-\d{4}-\d{3}(?!\d)", _phone),
        (rf"((?:{_CODE})(?:为|是|:|:\s)?[A-Za-z]*-?)(\d+)(?!\d|\.\d)", _code),
        (r"([A-Za-z]+-?)(0\d+)(?!\d|\.\d)", _code),
        (r"(?:(\d+)\s+)?(\d+)/(\d+)\s?", _fraction),
        (r"\d+(?:\.\d+){2,}", _version),
        (rf"(?<![\w.\-])({_N})\s?[\-~—]\s?({_N})(?=\s?(?:{_MEASURE}|[万亿千百月日号度块]|{UNIT_PATTERN}))", _range),
        (rf"({_N})\s?~\s?({_N})", _range),
        (r"约?~\s?(?=\d)", "约"),
        (rf"(-?)({_N})\s?({UNIT_PATTERN})(?![A-Za-z/])", _unit),
        (rf"(?<=第)({_N})", lambda m: num.number(m.group())),
        (rf"(?<![\d.])({_N})((?:多|余|来|几)?(?:{_MEASURE}|[万亿]))", _counted),
        (r"(?<=[\dA-Za-z])\^(\d+)", _power),
        (r"(?<=\d)\s?[*×x]\s?(?=\d)", "乘"),
        (r"(?<=\d)\s?-\s?(?=\d)", "减"),
        (rf"(?<![A-Za-z\d])-({_N})", lambda m: num.number(m.group())),
        (rf"{_N}", _plain),
        ("[" + "".join(_GREEK) + "]", lambda m: _GREEK[m.group()]),
        ("[" + "".join(_GREEK).upper() + "]", lambda m: _GREEK[m.group().lower()]),
        ("[" + re.escape("".join(_SYMBOLS)) + "]", lambda m: _SYMBOLS[m.group()]),
        (r"(?<=[A-Za-z])-(?=[\u3400-\u9fff])", ""),
        (r"(?<=[半整分日号])\s?[\-—]\s?(?=[上下中早晚凌明后次])", "到"),
        ("~+", "…"),
    ]
    return [(re.compile(pattern), reading) for pattern, reading in table]
