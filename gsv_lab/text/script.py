"""What to read aloud for a minute so that nearly every sound of a language is in the recording.

The sentences were written for this kit.
"""

from __future__ import annotations

from gsv_lab.errors import TextError

_EN = """
On Thursday morning, a young baker named Joyce opened her shop before the sun was up.
She measured the flour, warmed the yeast, and hummed an old tune while the oven grew hot.
"Good dough needs time," her father used to say, "and a cook who is in no hurry."
Outside, a thin fog lay over the harbor; gulls quarreled above the fishing boats, and a church bell rang eight.
Soon the first visitors came: two boys with muddy shoes, a judge who never smiled, and an usher from the theater.
Could they have fresh rolls, cheese, or perhaps a slice of peach pie?
"Of course," Joyce replied, "but please watch the step, and do not touch the hot plate!"
The boys shared a huge cinnamon bun and laughed with pleasure, for nothing on earth could have tasted better.
By noon the shelves were empty, the street was full of noise, and the whole town seemed to enjoy its usual, bright day.
"""

_ZH = """
星期四的早晨，海边的小镇还在薄雾里，渔船慢慢地回到港口。
老周推开窗户，闻见一阵桂花香，心里觉得特别轻松。
他先烧水泡茶，然后坐在院子里，听鸟儿在松树上唱歌。
女儿从屋里跑出来，手上抓着一只绿色的小熊风筝，笑着问：“爸爸，今天我们去不去湖边？”
“当然去，不过你得吃完早饭，还要给奶奶打个电话。”
路上，他们遇见卖瓜的孙阿姨，买了两个又大又圆的西瓜。
湖水清澈，荷叶下有几条红鱼游来游去，远处的山峰像一幅画。
孩子很快放开绳子，风筝越飞越高，一眨眼就穿过了云层。
中午下起小雨，父女俩躲进凉亭，吃着热包子，谈论暑假的计划。
雨停以后，天边出现了一道彩虹，谁也舍不得回家。
"""
_SCRIPTS = {"en": _EN, "zh": _ZH}


def reading_script(language: str = "en") -> str:
    """A text of about a minute, one sentence or so a line.

    Raises:
        TextError: LANG_UNKNOWN for anything but en and zh.
    """
    if language not in _SCRIPTS:
        raise TextError("LANG_UNKNOWN", f"There is no reading script for {language!r:.40}", "en or zh")
    return _SCRIPTS[language].strip()
