"""Tables of Mandarin characters with several readings; `hanzi.py` reads them.

Source: Xiandai Hanyu Cidian and common usage. pypinyin 0.55 was read against a list of 3,600 words; what it reads
rightly is not repeated here.
"""
# ruff: noqa: E501

from __future__ import annotations

from gsv_lab.text.kinds_zh import pairs

IN_WORDS = pairs(
    """
    重:chong2 长:chang2 为:wei2 勒:le4 朴:pu3 佛:fo2 什:shi2 弹:tan2 都:du1 血:xue4 差:cha1 颇:po1
    框:kuang4 脊:ji3 塞:sai4 曾:zeng1 切:qie1 甸:dian4 尽:jin4 空:kong1 倒:dao3 汗:han4 削:xiao1
    剥:bao1 谁:shei2 还:huan2 得:de5 子:zi3 椎:zhui1 吧:ba1 炸:zha2
    """
)
"""How a character is read inside a longer word that pypinyin's phrase tables do not hold."""

AT_END = pairs(
    """
    长:zhang3 弹:dan4 重:zhong4 曲:qu3 相:xiang4 干:gan1 子:zi5 片:pian4
    """
)
"""The same at the end of a word, where it is another one: a leader, a bomb, weight, a tune, looks, dried food."""

ALONE = pairs(
    """
    谁:shei2 切:qie1 削:xiao1 剥:bao1 薄:bao2 嗯:en5 哦:o4 的:de5
    """
)
"""How a word of one character is read, before its context is looked at."""

PHRASES = pairs(
    """
    大夫:dai4_fu5 数一数:shu3_yi1_shu3 数数:shu3_shu4 嚼:jiao2 量一量:liang2_yi1_liang2
    转转:zhuan4_zhuan5 薄荷:bo4_he5 这儿:zhe4_er5 那儿:na4_er5 哪儿:na3_er5
    """
)
"""Whole words."""

WORDS = """
盛 cheng2: 盛汤 盛满
重 chong2: 重名 重改 重奖 重制
重 zhong4: 重症 重病 尊重 重犯 重卡 隆重 重磅 重度 重者 重剑 重灾区 重离子 重挫 重击 重用 重听 重色轻友 重读 重商主义 重锤 重达
和 huo2: 和面 和泥
和 he4: 应和
朝 zhao1: 朝九晚五
鲜 xian3: 朝鲜 北朝鲜
着 zhuo2: 着实 穿着 着想 着落 身着 着地 着笔 着床
着 zhao2: 着慌 睡不着 用不着 够不着 找不着 管不着 用得着 猜着 找着 着了魔 见不着 点着 着忙 猜不着 睡得着 打着了 抓不着
圈 juan4: 猪圈 圈养 马圈
扎 za1: 绑扎 扎了个
中 zhong4: 中意 猜中 中枪 中签 中彩 射中 投中 选中 言中 中肯 相中 押中 刺中 说中 中邪 中举 考中 中选 砸中 抽中 中箭 中圈套 中魔 中彩票 中大奖 看不中
的 di2: 的当
肚 du4: 肚子 肚子疼 一肚子
肚 du3: 爆肚 毛肚
朴 pu3: 朴素 简朴 质朴 古朴 纯朴
曾 ceng2: 何曾
行 hang2: 投行 支行 总行 世行 琴行 逐行 闵行区 闵行 两行 三行 四行
行 xing2: 成行 上行 一行人
行 heng2: 道行
长 zhang3: 乡长 长嫂 列车长
长 chang2: 时长 片长 全长 体长 边长 悠长 绵长 加长 成长性 长达 关云长 音长 长联 长相思 日久天长 臂长 车长 长辫子 长裙子 长大衣 多长 有多长 长大褂
单 shan4: 单县 单田芳 单雄信 单霁翔
华 hua4: 华罗庚 华国锋 华晨宇
华 hua2: 华为 华丽 华氏度
参 shen1: 参汤
藏 zang4: 藏语 藏文 藏羚羊 川藏线 入藏 藏医 藏民 青藏铁路 青藏 青藏公路 藏传佛教 藏区 藏式 进藏 滇藏 藏袍 藏刀 藏经
乘 sheng4: 大乘 小乘
创 chuang1: 创可贴
弹 tan2: 弹吉他
弹 dan4: 弹道 弹夹 弹幕 弹匣 弹片 弹坑 弹孔 弹痕 弹雨 弹珠 臭弹 散弹枪
观 guan4: 道观
喝 he4: 大喝一声
划 hua2: 划水 划破 划伤 划痕
混 hun2: 混蛋 混球
几 ji1: 几内亚 几近 几欲 几至 几丁质
将 jiang4: 麻将 爱将 副将
劲 jing4: 劲爆
勒 lei1: 勒死
了 liao3: 明了 了断 不得了 了不得 了却 忘得了
露 lu4: 泄露
没 mo4: 出没 没顶 功不可没 隐没
蒙 meng3: 蒙古 内蒙古 蒙牛 外蒙古 内蒙 蒙语
抹 ma1: 抹桌子
悄 qiao3: 悄无声息
识 zhi4: 标识
踏 ta1: 踏实 踏踏实实
踏 ta4: 脚踏实地
挑 tiao3: 挑起
尾 wei3: 马尾
肖 xiao1: 肖战 肖央
轧 zha2: 热轧 冷轧
炸 zha2: 炸串
爪 zhua3: 鸡爪 凤爪
爪 zhao3: 利爪
琢 zuo2: 琢磨
幢 zhuang4: 一幢楼
还 huan2: 还钱 还书 还款 还我
还 hai2: 还有 还要 还行
好 hao4: 好胜 好强
差 cha1: 时差 温差 落差 反差 逆差 方差 级差 色差 视差 时间差 信息差 年龄差 身高差 利差 分差 公差
发 fa4: 染发 毫发 发夹 发丝 假发 美发 银发 发带 发质 掉发 盘发 发量
柏 bo2: 柏林 张柏芝 柏拉图
禅 shan4: 刘禅
伺 si4: 伺服
脯 fu3: 果脯 肉脯
芥 gai4: 芥蓝
说 shui4: 说客
台 tai1: 天台山
旋 xuan4: 旋风
燕 yan1: 燕国 燕郊
干 gan1: 干妈 乌干达 晒干 擦干 热干面 干透 鱼干 果干 豆干 干锅
结 jie1: 开花结果
卷 juan4: 问卷 卷子
卡 qia3: 关卡
累 lei2: 果实累累
量 liang2: 量身高 量血压 量尺寸 量体裁衣 量身定做
片 pian4: 照片
铺 pu1: 铺开 铺摊 铺放 铺满 铺地毯 铺床单
切 qie4: 密切
曲 qu3: 名曲 进行曲 主题曲 曲名 曲风
塞 sai1: 塞进 塞牙 塞住 加塞
塞 sai4: 埃塞俄比亚
似 si4: 看似
宿 xiu3: 一宿 整宿 半宿
调 diao4: 步调 对调
调 tiao2: 微调 调休
帖 tie3: 发帖 回帖 删帖 水帖 跟帖 帖吧
为 wei2: 人为 名为 颇为 略为 命名为
相 xiang4: 属相 站相 金相
应 ying4: 应激 接应 应声
晕 yun4: 晕机 晕血
脏 zang1: 脏水 脏兮兮
转 zhuan4: 旋转 玩转 转铃 转笔 连轴转
乐 yue4: 哀乐 室内乐
薄 bo2: 薄膜 薄熙来 薄一波
血 xue4: 流血 献血 出血 吐血 血淋淋
色 shai3: 掉色 色子
假 jia4: 年假 续假 收假 调假
处 chu3: 处在 身处
处 chu4: 用处 无处不在 出处 无处
分 fen4: 缘分 情分 名分 辈分 知识分子 犯罪分子 积极分子 恐怖分子 激进分子 可疑分子 不法分子 投机分子 极端分子 糖分 职分
分 fen1: 分子 有机分子
散 san3: 散客 散打
钻 zuan4: 电钻
磨 mo4: 磨豆腐
倒 dao4: 倒序
空 kong4: 空着 空出来
都 du1: 洪都拉斯 新都
都 dou1: 大都是
暴 bao4: 暴晒
掺 chan1: 掺假 掺水
场 chang3: 登场 一场
场 chang2: 一场雨 一场梦
待 dai1: 待会儿 待一会儿
颇 po1: 颇多
萎 wei3: 萎缩
哮 xiao4: 哮喘 咆哮
澎 peng2: 澎湃 澎湖
汗 han4: 满头大汗 大汗淋漓
褪 tui4: 褪去
聒 guo1: 聒噪
鹄 hu2: 鸿鹄
洞 tong2: 洪洞县
句 gou1: 高句丽
朝 chao2: 朝阳市
涡 guo1: 涡阳
浚 xun4: 浚县
拽 zhuai4: 拽住
嗲 dia3: 嗲声嗲气
的 di4: 巴尔的摩 的黎波里 斯堪的纳维亚 亚的斯亚贝巴
牟 mou2: 释迦牟尼 牟利 中牟
给 ji3: 桑给巴尔
堡 bao3: 大堡礁
六 lu4: 六合区
漯 luo4: 漯河
珲 hun2: 珲春
桧 hui4: 秦桧
芾 fu2: 米芾
鹘 hu2: 回鹘
焘 tao1: 张国焘
凹 wa1: 贾平凹
省 xing3: 陈省身
宛 yuan1: 大宛
刹 cha4: 什刹海
崴 wai3: 海参崴
咀 zui3: 尖沙咀
町 ding1: 西门町
卒 cu4: 脑卒中
炔 que1: 乙炔
呤 ling4: 嘌呤
砝 fa3: 砝码
岗 gang1: 花岗岩
舍 she4: 舍利 舍友 学舍 舍弟 牛舍 猪舍
蜇 zhe2: 海蜇
矫 jiao2: 矫情
茸 rong2: 鹿茸
拜 bai2: 拜拜
坊 fang2: 廊坊
会 kuai4: 会稽
任 ren2: 任丘 任县 任正非 任达华 任贤齐 任志强 任素汐 任豪 任弼时 任长霞 任盈盈 任我行 任城区
便 pian2: 便便
大 da4: 士大夫
泊 bo2: 尼泊尔 莫泊桑 泊头
得 de2: 势在必得 得法 得空
葛 ge3: 葛优 葛洪 葛军 葛兰
挨 ai2: 挨批 挨揍 挨宰 挨冻
教 jiao1: 教坏 教过 教人 教英语
丧 sang1: 丧尸
遛 liu4: 遛狗 遛弯 遛鸟
杠 gang4: 保险杠
曲 qu1: 屈曲
相 xiang1: 争相 竞相
差 cha4: 太差 差评 差生
间 jian4: 间壁
缝 feng2: 缝针 缝扣子
当 dang4: 当耳边风 当回事
应 ying1: 应付账款
吐 tu4: 催吐
尽 jin4: 尽是
数 shu3: 历数 悉数
数 shu4: 倒数第一
炸 zha4: 气炸 炸开 炸死 炸掉 炸平
晕 yun1: 晕过去
地 di4: 住地 边地 公地
解 xie4: 解晓东 解缙 解宝
查 zha1: 查良镛 查济 查慎行
朴 piao2: 朴正熙 朴信惠 朴灿烈
仇 qiu2: 仇和 仇保兴
盖 ge3: 盖叫天 盖聂
区 ou1: 区楚良
翟 zhai2: 翟欣欣
曾 zeng1: 曾轶可 曾舜晞
种 chong2: 种师道
员 yun4: 员半千
召 shao4: 召公
祭 zhai4: 祭遵
"""
"""Words by a character and its reading in them."""

BY_FLAG = pairs(
    """
    地/u:de5 着/u:zhe5 过/u:guo5 了/u:le5 了/y:le5 数/v:shu3 教/v:jiao1 为/v:wei2 行/q:hang2
    量/v:liang2 只/q:zhi1 朝/p:chao2 弹/v:tan2 差/v:cha4
    """
)
"""Reading of a single character by it and the first letter of jieba's part of speech."""

JIEBA_FLAGS = pairs(
    """
    n:noun nr:name ns:name nt:name nz:name vn:noun v:verb an:noun ad:adverb a:adjective b:adjective z:adjective
    d:adverb r:pronoun m:numeral q:numeral p:preposition c:conjunction u:particle y:particle k:particle h:particle
    e:interjection o:interjection f:noun s:noun t:noun
    """
)
"""The coarse parts of speech of `pos.py` by jieba's."""

MEASURES = pairs(
    """
    只:zhi1 行:hang2 重:chong2
    """
)
"""Reading at the end of a number with its measure word."""

DEI_AFTER = frozenset("也 以后 只 可 可能 大概 将 将来 就 必须 总 恐怕 现在 看来 至少 起码 还 都 非".split())
"""Words after which 得 is must, whatever part of speech jieba sees in them."""

VERB_LIKE = frozenset("准备 努力 学习 安排 小心 工作 当心 报告 注意 留神 解释 计划 认真".split())
"""Nouns for jieba that act as verbs after 得."""

OBJECTS = "话人饭班学觉路车事门婚钱书课家水酒电歌舞字菜衣活"
"""Last characters of verbs that have their object inside, so that a 得 behind them is must."""
