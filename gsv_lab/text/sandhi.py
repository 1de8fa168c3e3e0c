"""How Mandarin tones change in a row of words: bu, yi, neutral tones, third tones.

A word here is (text, jieba's flag, syllables with tone digit); 5 is the neutral tone. The rules are those of any
grammar of Mandarin (for example Duanmu, The Phonology of Standard Chinese, chapters 11 and 12), applied to words as
jieba cuts them, so a wrong cut can give a wrong tone.
"""

from __future__ import annotations

from functools import cache

from gsv_lab.text.hanzi import Tagged

_NUMERALS = frozenset("零〇一二三四五六七八九十两")
_AFTER_ORDINAL_ONE = frozenset("月号日楼班级")
_PARTICLES = frozenset("吗嘛呢吧啊呀哇啦哪么们的地得了着过")
_NEUTRAL_FLAGS = ("u", "y")
# Words whose last syllable is light in the standard language although nothing in their form says so.
_LIGHT = frozenset(
    "朋友 东西 衣服 时候 先生 太太 知道 认识 意思 喜欢 漂亮 明白 清楚 事情 关系 地方 告诉 麻烦 便宜 舒服 聪明 客气 "
    "休息 "
    "消息 学问 学生 丈夫 师傅 孩子 葡萄 玻璃 豆腐 萝卜 黄瓜 西瓜 甘蔗 窗户 钥匙 眼睛 耳朵 嘴巴 头发 脑袋 胳膊 指甲 "
    "肩膀 "
    "骨头 舌头 石头 木头 馒头 枕头 拳头 罐头 后头 里头 外头 上头 前头 月亮 云彩 太阳 凉快 暖和 热闹 干净 结实 厉害 "
    "老实 "
    "大方 随便 马虎 糊涂 奇怪 困难 新鲜 亲戚 邻居 叔叔 打算 打听 打扮 收拾 商量 答应 照顾 咳嗽 招呼 应付 琢磨 溜达 "
    "折腾 "
    "唠叨 耽误 哆嗦 拾掇 算盘 柴火 蘑菇 骆驼 狐狸 蛤蟆 苍蝇 牲口 畜生 刺猬 力气 福气 脾气 运气 名字 故事 笑话 谜语 "
    "工夫 "
    "本事 道理 记性 毛病 主意 买卖 队伍 行李 姑娘 闺女 媳妇 女婿 伙计 裁缝 木匠 皇上 老爷 少爷 看见 听见 早上 晚上 "
    "部分 "
    "比方 吩咐 包袱 帐篷 扫帚 抽屉 灯笼 风筝 喇叭 胭脂 首饰 点心 烧饼 粮食 庄稼 高粱 核桃 石榴 樱桃 芝麻 棉花 火候 "
    "动静 "
    "动弹 规矩 机灵 在乎 合同 合适 软和 实在 痛快 自在 利索 利落 勤快 委屈 迷糊 模糊".split()
)
# Words in which the syllable that is light elsewhere keeps its tone.
_FULL_ZI = frozenset(
    "男子 女子 分子 原子 电子 粒子 离子 质子 中子 光子 王子 太子 天子 弟子 孔子 老子 孟子 庄子 君子 才子 学子 游子 "
    "赤子 "
    "瓜子 莲子 种子 鱼子 孢子 因子 量子 母子 父子 亲子 公子 浪子 逆子 精子 卵子 棋子 松子 子".split()
)
_FULL_ER = frozenset(
    "女儿 婴儿 幼儿 胎儿 孤儿 男儿 健儿 少儿 小儿 宠儿 孩儿 孙儿 侄儿 育儿 儿 弃儿 患儿 生儿 血儿".split()
)
_BEFORE_FULL_BU = frozenset("毫从并绝决永全再更都也才就又还很真太一若要岂莫何可")
_LOCATIVES = frozenset("上下里")
_FULL_LOCATIVES = frozenset(
    "以上 以下 之上 之下 上下 向上 向下 天下 天上 地下 手下 乡下 北上 南下 如下 公里 海里 英里 千里 万里 零下 部下 "
    "属下 "
    "陛下 殿下 阁下 至上 一下".split()
)


def apply_sandhi(words: list[Tagged]) -> list[Tagged]:
    """The words with their syllables as they are spoken in a row."""
    texts = [word for word, _, _ in words]
    flags = [flag for _, flag, _ in words]
    bases = [[s[:-1] for s in read] for _, _, read in words]
    tones = [[s[-1] for s in read] for _, _, read in words]
    characters = [(i, j) for i, text in enumerate(texts) for j in range(len(text))]
    _underlying(texts, tones)
    for i, text in enumerate(texts):
        _neutral_tones(text, flags[i], texts[i - 1] if i else "", tones[i])
    _bu_and_yi(texts, tones, characters)
    for i, text in enumerate(texts):
        if len(text) > 1:
            _third_tones(tones[i], _feet(text))
    _third_tones_between(texts, tones)
    return [
        (text, flag, [base + tone for base, tone in zip(b, t, strict=True)])
        for text, flag, b, t in zip(texts, flags, bases, tones, strict=True)
    ]


def _underlying(texts: list[str], tones: list[list[str]]) -> None:
    """Undoes what the phrase tables have already changed, so that one set of rules decides."""
    for text, own in zip(texts, tones, strict=True):
        for j, character in enumerate(text):
            own[j] = {"不": "4", "一": "1"}.get(character, own[j])
        if text[-2:] in _FULL_ZI:
            own[-1] = "3"


def _neutral_tones(text: str, flag: str, before: str, tones: list[str]) -> None:
    last = text[-1]
    doubled = len(text) == 2 and text[0] == text[1] and flag[:1] in "nvr" and last not in "往常天人个年日处"
    suffix = len(text) > 1 and (
        (last == "子" and text not in _FULL_ZI and text[-2:] not in _FULL_ZI)
        or (last == "儿" and text not in _FULL_ER and text[-2:] not in _FULL_ER)
        or (last in _LOCATIVES and flag[:1] in "nsfl" and text[-2:] not in _FULL_LOCATIVES and len(text) < 4)
        or (last == "个" and all(c in _NUMERALS or c in "百千万几这那哪每" for c in text[:-1]))
        or last in "们么"
    )
    light = text in _LIGHT or text[-2:] in _LIGHT
    particle = len(text) == 1 and (flag[:1] in _NEUTRAL_FLAGS or text in "吗嘛呢吧们") and text in _PARTICLES
    counted = text == "个" and before[-1:] in ("几", "这", "那", "哪", "每", "两", *_NUMERALS)
    placed = text in ("上", "里") and flag == "f" and len(before) > 1
    if doubled or suffix or light or particle or counted or placed:
        tones[-1] = "5"
    once = text[1:2] == "一" and text[0] == text[-1]
    cannot = text[1:2] == "不" and text[0] not in _BEFORE_FULL_BU
    if len(text) == 3 and (once or cannot):
        tones[1] = "5"  # 看一看, 好不好, 看不见


def _bu_and_yi(texts: list[str], tones: list[list[str]], characters: list[tuple[int, int]]) -> None:
    for k, (i, j) in enumerate(characters):
        character = texts[i][j]
        if character not in "不一" or tones[i][j] == "5" or k + 1 == len(characters):
            continue
        ni, nj = characters[k + 1]
        following, next_tone = texts[ni][nj], tones[ni][nj]
        if following == "个":
            next_tone = "4"  # light, but the fourth tone under it counts
        if character == "不":
            tones[i][j] = "2" if next_tone == "4" else "4"
            continue
        before = texts[characters[k - 1][0]][characters[k - 1][1]] if k else ""
        third = texts[characters[k + 2][0]][characters[k + 2][1]] if k + 2 < len(characters) else ""
        decimal = following == "点" and third in _NUMERALS
        counting = following in _NUMERALS or decimal or before in _NUMERALS or before == "第"
        ends_word = j > 0 and j == len(texts[i]) - 1
        ordinal = following in _AFTER_ORDINAL_ONE and j == 0 and len(texts[i]) <= 2
        if not (counting or ends_word or ordinal):
            tones[i][j] = "2" if next_tone == "4" else "4"


@cache
def _feet(word: str) -> tuple[int, ...]:
    """Lengths of the feet of a word: pairs, and for three syllables the inner word with the third one beside it."""
    if len(word) == 3:
        from gsv_lab.text.hanzi import frequency

        return (2, 1) if frequency(word[:2]) >= frequency(word[1:]) else (1, 2)
    if len(word) <= 2:
        return (len(word),)
    return (2,) * (len(word) // 2) + (1,) * (len(word) % 2)


def _third_tones(tones: list[str], feet: tuple[int, ...]) -> None:
    """First inside each foot, then from foot to foot, from left to right."""
    start, starts = 0, []
    for length in feet:
        starts.append(start)
        if length == 2 and tones[start] == tones[start + 1] == "3":
            tones[start] = "2"
        start += length
    for begin in starts[1:]:
        if tones[begin - 1] == "3" and tones[begin] == "3":
            tones[begin - 1] = "2"


def _third_tones_between(texts: list[str], tones: list[list[str]]) -> None:
    """Words that together have at most three syllables form one foot; a row of single ones is cut into pairs."""
    run: list[int] = []
    for i in range(len(texts) + 1):
        if i < len(texts) and tones[i] == ["3"]:
            run.append(i)
            continue
        _single_words(run, tones)
        if i < len(texts) and i and len(texts[i - 1]) + len(texts[i]) == 3 and tones[i - 1][-1] == tones[i][0] == "3":
            tones[i - 1][-1] = "2"
        run = []
    for i in range(1, len(texts)):
        if len(texts[i]) == 1 and len(texts[i - 1]) == 2 and tones[i - 1][-1] == tones[i][0] == "3":
            tones[i - 1][-1] = "2"


def _single_words(run: list[int], tones: list[list[str]]) -> None:
    while run:
        foot, run = (run, []) if len(run) <= 3 else (run[:2], run[2:])
        for k in foot[:-1]:
            tones[k][0] = "2"
