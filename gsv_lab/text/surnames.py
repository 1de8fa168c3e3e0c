"""Tables of Chinese surnames that are read otherwise than the same character elsewhere; `hanzi.py` reads them.

Source: Xiandai Hanyu Cidian, and the register of surnames of the Ministry of Public Security.
"""

from __future__ import annotations

from gsv_lab.text.kinds_zh import pairs

SURNAMES = pairs(
    """
    单:shan4 曾:zeng1 任:ren2 查:zha1 仇:qiu2 朴:piao2 解:xie4 区:ou1 华:hua4 翟:zhai2 盖:ge3 尉:wei4
    燕:yan1 乐:yue4 佴:nai4 员:yun4 缪:miao4 葛:ge3 冼:xian3 洗:xian3 句:gou1 牟:mu4 覃:qin2 秘:bi4
    种:chong2 召:shao4 那:na1 宿:su4 谌:chen2 逄:pang2 隗:kui2 肖:xiao1 郗:xi1 晁:chao2 应:ying1
    祭:zhai4 卜:bu3 过:guo1 盛:sheng4 强:qiang2 都:du1 干:gan1 薄:bo2 柏:bai3 粘:nian2 乜:nie4
    重:chong2 殷:yin1 车:che1 折:she2 宓:mi4 繁:po2 相:xiang4 隽:juan4 令:ling4 撒:sa4 幺:yao1 么:yao1
    逯:lu4 黑:he4 行:xing2 谷:gu3 藏:zang1
    """
)
"""Readings of one-character surnames, before a title or a given name, and after 姓."""

ONLY_SURNAMES = frozenset("仇佴冼晁曾朴牟缪翟肖覃谌逄郗隗")
"""Those that begin hardly any word but a name, so that jieba's flag for names is to be trusted."""

VERBS = "任解查盖过种应区员那行相强令"
NAMED_AFTER = "请找叫和跟给是问向的对见与说老小你您"
"""Surnames that are also verbs or nouns, and what may stand before them when they are surnames."""

COMPOUND_SURNAMES = pairs(
    """
    尉迟:yu4_chi2 万俟:mo4_qi2 令狐:ling2_hu2 长孙:zhang3_sun1 澹台:tan2_tai2 单于:chan2_yu2
    诸葛:zhu1_ge3 濮阳:pu2_yang2 宰父:zai3_fu3 亓官:qi2_guan1
    """
)

TITLES = (
    "先生|女士|小姐|太太|夫人|老师|教授|医生|大夫|博士|校长|院长|局长|处长|科长|厅长|部长|省长|市长|县长|区长|镇长|村长|队长|班长|团长|连长|店长|厂长|站长|会长|社长|所长|组长|"
    "行长|经理|总经理|董事长|总裁|总监|主任|主席|书记|主管|秘书|律师|法官|警官|导演|编辑|记者|师傅|同学|同志|大爷|大妈|大哥|大姐|大叔|大婶|阿姨|叔叔|伯伯|爷爷|奶奶|哥|姐|老板|"
    "将军|司令|工程师|护士|教练|姑娘|小姐姐|师兄|师姐|师弟|师妹|老先生|老太太|公子|家长|总(?![是会要有共之结统数体算想能在])|董(?!事)|某|氏(?!度)"
)
"""What follows a surname, as a pattern."""

TITLED = (
    rf"(?:[{''.join(sorted(set(SURNAMES) - set(VERBS)))}]|(?:(?<![一-龥])|(?<=[{NAMED_AFTER}]))[{VERBS}])"
    rf"(?=(?:{TITLES}))"
    rf"|(?<=(?<!百)姓)[{''.join(SURNAMES)}]"
    r"|(?<=(?<![一-龥])[老小])[任单查解翟盖葛薄仇曾](?=$|[你您好说来走在是的和])"
)
COMPOUND = "|".join(COMPOUND_SURNAMES)
"""Where a surname stands before a title, after 姓, after 老 or 小; and those of two characters."""
