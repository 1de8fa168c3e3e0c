"""Readings of Mandarin characters: polyphones, names, particles, 一, erhua, light tones.

A wanted value is `characters=syllables` with the tones as spoken, `/` between those that are equally right.
"""
# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path

import pytest

from gsv_lab.text import hanzi, phonemize
from gsv_lab.text.pinyin import split_syllable

REPORTED = """
surname | 曾国藩是谁？ | 曾国藩=zeng1 guo2 fan1
surname | 任先生来了。 | 任=ren2
surname | 查先生走了。 | 查=zha1
surname | 仇先生走了。 | 仇=qiu2
surname | 任正非说话。 | 任=ren2
surname | 解先生来了。 | 解=xie4
surname | 朴先生来了。 | 朴=piao2
surname | 盖先生来了。 | 盖=ge3
surname after 姓 | 姓单的人。 | 单=shan4
de | 他跑得快。 | 跑得快=pao3 de5 kuai4
de | 他吃得饱。 | 吃得饱=chi1 de5 bao3
dei | 你得小心点。 | 得=dei3
polyphone | 我肚子疼。 | 肚子=du4 zi5
polyphone | 给我盛一碗饭。 | 盛=cheng2
polyphone | 我们重写一遍。 | 重写=chong2 xie3
polyphone | 妈妈在和面。 | 和面=huo2 mian4
polyphone | 他去过朝鲜。 | 朝鲜=chao2 xian3
polyphone | 这菜着实不错。 | 着实=zhuo2 shi2
polyphone | 后院有猪圈。 | 猪圈=zhu1 juan4
polyphone | 他的穿着很朴素。 | 穿着=chuan1 zhuo2
polyphone | 她把头发扎起来。 | 扎=za1
polyphone | 请系上安全带。 | 系=ji4
polyphone | 他很中意。 | 中意=zhong4 yi4
polyphone | 我们去打的。 | 打的=da3 di1
polyphone | 他读孙子兵法。 | 孙子=sun1 zi3/sun1 zi2
polyphone | 小明数了数苹果。 | 数了数=shu3 le5 shu3
verb zhong | 这花很难种。 | 种=zhong4
yi in counting | 一加一等于二。 | 一加一=yi1 jia1 yi1
yi in counting | 从一数到十，从一到十。 | 从一到=cong2 yi1 dao4
yi in counting | 1-5号都行。 | 一到=yi1 dao4
yi after yi | 统一一下。 | 一下=yi2 xia4
ordinal yi | 他上一年级。 | 一年级=yi1 nian2 ji2
erhua | 小孩儿笑了。 | 小孩儿=xiao3 hai2 er5
erhua | 他在门口儿等。 | 门口儿=men2 kou3 er5
light tone (rough) | 庙里有和尚。 | 和尚=he2 shang5
de | 他得了奖。 | 得=de2
control | 他的任务完成了。 | 任务=ren4 wu4
control | 他曾经来过。 | 曾经=ceng2 jing1
control | 请检查单子。 | 检查=jian3 cha2
control | 银行行长来了。 | 银行行长=yin2 hang2 hang2 zhang3
control | 一心一意。 | 一心一意=yi4 xin1 yi2 yi4
control | 我有一个女儿。 | 女儿=nv3 er2
control | 他得到了。 | 得到=de2 dao4
control | 体重很重。 | 体重=ti3 zhong4
"""

FURTHER = """
我们回家吧。|吧=ba5; 算了吧。|吧=ba5; 他去网吧。|吧=ba1; 得了吧。|得了=de2 le5; 你得了吧！|得了=de2 le5; 得嘞。|得=de2; 吃得了吧|吃得了=chi1 de5 liao3; 这得多少钱？|得=dei3; 那得等。|得=dei2/dei3
这得用水。|得=dei2/dei3; 得多少人？|得=dei3; 他得多少分？|得=de2; 得亏他来。|得=dei3; 这得到了证实。|得到=de2 dao4; 这得益于他。|得=de2
他重重地摔了一跤。|重重=zhong4 zhong4; 门重重地关上了。|重重=zhong4 zhong4; 重重的一拳|重重=zhong4 zhong4; 他重重叹了口气。|重重=zhong4 zhong4
困难重重。|重重=chong2 chong2; 重重包围|重重=chong2 chong2; 心事重重|重重=chong2 chong2
说话得算话。|得=dei3; 开车得看路。|得=dei3
给我盛一碗饭。|盛=cheng2; 妈妈盛了两碗汤。|盛=cheng2; 请帮我盛点米饭。|盛=cheng2; 锅里盛着水。|盛=cheng2; 花盛开了。|盛=sheng4
这里盛产苹果。|盛=sheng4; 她把头发扎起来。|扎=za1; 她扎着两条辫子。|扎=za1; 妹妹扎了个马尾。|扎=za1; 他被针扎了一下。|扎=zha1; 手指扎了根刺。|扎=zha1
请系上安全带。|系=ji4; 他弯腰系鞋带。|系=ji4; 把领带系好。|系=ji4; 她系着围裙。|系=ji4; 他系着红领巾。|系=ji4; 我和他联系上了。|系=xi4; 他是中文系的。|系=xi4
把绳子系在树上。|系=ji4; 腰上系着一条带子。|系=ji4; 小明数了数苹果。|数了数=shu3 le5 shu3; 我数到三你就跑。|数=shu3; 他在数钱。|数=shu3
天上的星星数不清。|数=shu3; 请数一下人数。|数一下=shu3 yi2 xia4; 他从一数到一百。|数=shu3; 这个数很大。|数=shu4; 数一数有几个。|数一数=shu3 yi5 shu3
我数了三遍。|数=shu3; 你数数看。|数数=shu3 shu5/shu3 shu4/shu2 shu5; 这花很难种。|种=zhong4; 他在院子里种花。|种=zhong4
爷爷种了一棵树。|种=zhong4; 这是一种病。|种=zhong3; 那种人不好。|种=zhong3; 农民种地很辛苦。|种=zhong4; 这几种颜色都好看。|种=zhong3
他种的菜很好吃。|种=zhong4; 田里种着水稻。|种=zhong4; 品种很多。|种=zhong3; 各种各样的花。|各种各样=ge4 zhong3 ge4 yang4; 我得小心点。|得=dei3
你得小心点。|得=dei3; 他必须得去。|得=dei3; 今天得加班。|得=dei3; 这事儿还得靠你。|得=dei3; 我们得赶快走。|得=dei3; 你总得吃饭吧。|得=dei3
他得去上班了。|得=dei3; 病了就得吃药。|得=dei3; 我得先走了。|得=dei3; 明天我得早起。|得=dei3; 学生得好好学习。|得=dei3; 至少得三天。|得=dei3
你得努力。|得=dei3; 他跑得快。|得=de5; 他吃得饱。|得=de5; 雨下得很大。|得=de5; 她唱得真好听。|得=de5; 高兴得跳了起来。|得=de5; 说得对。|得=de5
你做得到吗？|得=de5; 这件事办得不错。|得=de5; 他写得一手好字。|得=de5; 字写得漂亮。|得=de5; 玩得开心点。|得=de5; 走得慢一点。|得=de5; 我听得懂。|得=de5
我忙得要命。|得=de5; 累得说不出话。|得=de5; 看得清楚。|得=de5; 冷得发抖。|得=de5; 好得很。|得=de5; 差得远。|得=de5; 长得像妈妈。|长得=zhang3 de5
他得了奖。|得=de2; 他得了感冒。|得=de2; 我得过冠军。|得=de2; 他得了一百分。|得=de2; 她得了第一名。|得=de2; 三加五得八。|得=de2; 二二得四。|得=de2
他终于得到了答案。|得=de2; 得癌症的人。|得=de2; 他得了癌症。|得=de2; 得冠军的是他。|得=de2; 他慢慢地走了。|地=de5; 地上有水。|地=di4; 他高兴地说。|地=de5
这块地很大。|地=di4; 她轻轻地笑了。|地=de5; 飞快地跑。|地=de5; 认真地学习。|地=de5; 扫地。|地=di4; 不停地说话。|地=de5; 一遍又一遍地练习。|地=de5
他种地。|地=di4; 我还了书。|还=huan2; 把书还给他。|还=huan2; 你借的钱还了吗？|还=huan2; 他还没来。|还=hai2; 你什么时候还我钱？|还=huan2
他还在睡觉。|还=hai2; 钱还没还。|没还=mei2 huan2; 还有三天。|还=hai2; 这本书要还了。|还=huan2; 我明天还你。|还=huan2; 我还你一本书。|还=huan2
还是算了吧。|还=hai2; 请按时还书。|还=huan2; 有借有还。|有还=you3 huan2; 头发长得快。|长得=zhang3 de5; 这条路很长。|很长=hen3 chang2
他长高了。|长高=zhang3 gao1; 树长出了叶子。|长=zhang3; 长三米。|长=chang2; 三米长的桌子。|长=chang2; 脸上长了痘。|长=zhang3
越长越漂亮。|长=zhang3; 他长着一双大眼睛。|长=zhang3; 长长的头发。|长长=chang2 chang2; 孩子长大了。|长大=zhang3 da4; 长大衣很暖和。|长=chang2
校长讲话。|校长=xiao4 zhang3; 天越来越长了。|长=chang2; 河有多长？|长=chang2; 请倒杯水。|倒=dao4; 他摔倒了。|倒=dao3; 把垃圾倒了。|倒=dao4
树倒了。|倒=dao3; 车慢慢倒进车库。|倒=dao4; 墙倒了。|倒=dao3; 他倒在地上。|倒=dao3; 给客人倒茶。|倒=dao4; 倒着走。|倒=dao4; 我倒觉得不错。|倒=dao4
他倒是来了。|倒=dao4; 被风吹倒了。|倒=dao3; 他背着书包上学。|背=bei1; 背着手走路。|背=bei4; 她背着我哭了。|背=bei4; 他把孩子背起来。|背=bei1
请背课文。|背=bei4; 我背不出来。|背=bei4; 他背了一袋米。|背=bei1; 背上有伤。|背=bei4; 后背疼。|背=bei4; 我把钥匙落在家里了。|落=la4
手机落在车上了。|落=la4; 他落下了两节课。|落=la4; 叶子落在地上。|落=luo4; 太阳落下了山。|落=luo4; 落后的人。|落=luo4; 别把东西落下。|落=la4
衣服干了。|干=gan1; 头发还没干。|干=gan1; 你在干什么？|干=gan4; 他干得好。|干=gan4; 把水擦干。|干=gan1; 嘴巴很干。|干=gan1; 他干完活了。|干=gan4
干了三年。|干=gan4; 把衣服晒干了。|干=gan1; 你干嘛呢？|干=gan4; 我干了一天的活。|干=gan4; 天气太干了。|干=gan1; 干了这杯酒。|干=gan1
树上结了很多果子。|结=jie1; 他结了婚。|结=jie2; 结冰了。|结=jie2; 这棵树结苹果。|结=jie1; 打个结。|结=jie2; 结果子了。|结=jie1
奶奶在家看孩子。|看=kan1; 他看了一本书。|看=kan4; 请帮我看一下行李。|看=kan1; 他看大门。|看=kan1; 她在哄孩子睡觉。|哄=hong3; 大家哄地笑了。|哄=hong1
他冲着我笑。|冲=chong4; 他冲我喊了一声。|冲=chong4; 冲进教室。|冲=chong1; 冲杯咖啡。|冲=chong1; 他扇了我一耳光。|扇=shan1
用扇子扇风。|扇风=shan1 feng1; 一扇门。|扇=shan4; 他喝多了想吐。|吐=tu4; 宝宝吐奶了。|吐=tu4; 他吐了一口痰。|吐=tu3; 吐出舌头。|吐=tu3
昨晚吐了。|吐=tu4; 春蚕吐丝。|吐=tu3; 轮子转得很快。|转=zhuan4; 地球绕着太阳转。|转=zhuan4; 他转过身来。|转=zhuan3; 转了三圈。|转=zhuan4
向左转。|转=zhuan3; 请转告他。|转=zhuan3; 转来转去。|转=zhuan4; 我们去公园转转。|转转=zhuan4 zhuan5; 他教我们数学。|教=jiao1
老师教得好。|教=jiao1; 我教你。|教=jiao1; 他教会了我游泳。|教会=jiao1 hui4; 他去教会了。|教会=jiao4 hui4; 他教了三十年书。|教=jiao1
我来教你做菜。|教=jiao1; 为人民服务。|为=wei4; 他被选为班长。|为=wei2; 为了你。|为=wei4; 以他为榜样。|为=wei2; 为什么？|为=wei4; 你为谁工作？|为=wei4
我为你骄傲。|为=wei4; 一分为二。|为=wei2; 称为英雄。|为=wei2; 十五分钟为一节。|为=wei2; 大家为他鼓掌。|为=wei4
受不了了。|受不了了=shou4 bu5 liao3 le5; 他来不了。|了=liao3; 吃不了兜着走。|了=liao3; 你办得了吗？|了=liao3
好得不得了。|不得了=bu4 de2 liao3; 舍不得了。|了=le5; 他再也不来了。|了=le5; 这事完了。|完了=wan2 le5; 没完没了。|没了=mei2 liao3
忘得了吗？|了=liao3; 饭好了。|了=le5; 一场大雨。|场=chang2/chang3; 一场比赛。|场=chang3; 我睡了一觉。|觉=jiao4; 你觉得呢？|觉得=jue2 de5
睡个好觉。|觉=jiao4; 不知不觉。|觉=jue2; 我把他当朋友。|当=dang4/dang1; 他当老师。|当=dang1; 别当真。|当=dang4; 当心车。|当=dang1
妈妈在和面。|和面=huo2 mian4; 我和你。|和=he2; 水和面粉。|和=he2; 他把泥和好。|和好=huo2 hao3/huo4 hao3; 我们去打的。|打的=da3 di1
这是他打的。|打的=da3 de5; 他打的去机场。|打的=da3 di1; 打的人是谁？|打的=da3 de5; 打的费多少？|打的=da3 di1; 我打的过来的。|打的=da3 di1
他读孙子兵法。|孙子=sun1 zi3; 爷爷抱着孙子。|孙子=sun1 zi5; 银行行长在行走。|银行行长=yin2 hang2 hang2 zhang3; 一行字。|行=hang2
这行不行？|行不行=xing2 bu5 xing2; 两行眼泪。|行=hang2; 第三行第二列。|行=hang2; 干一行爱一行。|行=hang2; 一行人。|行=xing2
各行各业。|行=hang2; 这一行很难做。|行=hang2; 这只猫。|只=zhi1; 三只羊。|只=zhi1; 几只鸟。|只=zhi1; 船只。|只=zhi1; 只吃一碗。|只=zhi3
一只手。|只=zhi1; 薄薄的一层。|薄薄=bao2 bao2; 被子很薄。|薄=bao2; 薄弱环节。|薄=bo2; 他流了很多血。|血=xue4/xie3; 血压高。|血=xue4
苹果要削皮。|削=xiao1; 把铅笔削尖。|削=xiao1; 剥削工人。|剥削=bo1 xue1; 剥橘子。|剥=bao1; 天色很暗。|色=se4; 他在转椅上转来转去。|转=zhuan4
他应该来。|应=ying1; 应他的要求。|应=ying4; 一应俱全。|应=ying1; 每天量体温。|量=liang2; 力量很大。|量=liang4; 量一下身高。|量=liang2
他酒量好。|量=liang4; 他撒了谎。|撒=sa1; 把音量调低。|调=tiao2; 他被调到北京。|调=diao4; 请调一下温度。|调=tiao2; 调查一下。|调=diao4
抽调人员。|调=diao4; 车里很闷。|闷=men1/men4; 票价涨了。|涨=zhang3; 脸涨得通红。|涨=zhang4; 他难得来。|难得=nan2 de2; 他难过。|难=nan2
曾国藩是谁？|曾国藩=zeng1 guo2 fan1; 任先生来了。|任=ren2; 查先生走了。|查=zha1; 仇先生走了。|仇=qiu2; 任正非说话。|任=ren2; 解先生来了。|解=xie4
朴先生来了。|朴=piao2; 盖先生来了。|盖=ge3; 姓单的人。|单=shan4; 单老师好。|单=shan4; 华佗是名医。|华=hua4; 区先生好。|区=ou1; 翟天临。|翟=zhai2
尉迟恭。|尉迟=yu4 chi2; 令狐冲。|令狐=ling2 hu2; 朴槿惠。|朴=piao2; 仇英的画。|仇=qiu2; 解晓东唱歌。|解=xie4; 查良镛写小说。|查=zha1
单田芳的评书。|单=shan4; 葛优演戏。|葛=ge3; 曾老师走了。|曾=zeng1; 他姓曾。|曾=zeng1; 我叫任小红。|任=ren2; 乐先生。|乐=yue4; 老任。|任=ren2
任总来了。|任=ren2; 盖聂是剑客。|盖=ge3; 小查你好。|查=zha1; 燕青。|燕=yan1; 黄盖。|盖=gai4; 单雄信。|单=shan4; 应采儿。|应=ying1
缪先生。|缪=miao4; 种先生。|种=chong2; 任何人。|任=ren4; 查资料。|查=cha2; 解放军。|解=jie3; 盖房子。|盖=gai4; 单身汉。|单=dan1
区长来了。|区=qu1; 任务。|任=ren4; 仇人。|仇=chou2; 曾经。|曾=ceng2; 他姓任。|任=ren2; 贵姓解。|解=xie4; 老百姓查账。|查=cha2
万俟先生。|万俟=mo4 qi2; 冼星海。|冼=xian3; 员工。|员=yuan2; 任命他。|任=ren4; 他任局长。|任=ren4; 单总。|单=shan4; 查理来了。|查=cha2
查出问题。|查=cha2; 解决问题。|解=jie3; 任达华。|任=ren2; 任嘉伦。|任=ren2; 任贤齐的歌。|任=ren2; 查医生您好。|查=zha1; 解小姐。|解=xie4
石先生。|石=shi2; 燕子飞。|燕=yan4; 乐老师。|乐=yue4; 朴正熙。|朴=piao2; 朴宝英。|朴=piao2; 曾志伟。|曾=zeng1; 曾巩。|曾=zeng1
一加一等于二。|一加一=yi1 jia1 yi1; 从一到十。|一到=yi1 dao4; 1-5号都行。|一到=yi1 dao4; 统一一下。|一下=yi2 xia4
他上一年级。|一年级=yi1 nian2 ji2; 一个一个来。|一个一个=yi2 ge5 yi2 ge5; 十一个人。|十一个=shi2 yi1 ge5/shi2 yi2 ge5
一百一十一。|一百一十一=yi4 bai3 yi1 shi2 yi1; 第一次。|第一次=di4 yi1 ci4; 一楼。|一楼=yi1 lou2; 一号。|一号=yi1 hao4
一月一日。|一月一日=yi1 yue4 yi1 ri4; 一班的同学。|一班=yi1 ban1; 星期一上午。|星期一=xing1 qi1 yi1; 周一开会。|周一=zhou1 yi1
一天。|一天=yi4 tian1; 一年。|一年=yi4 nian2; 一本书。|一本=yi4 ben3; 一样。|一样=yi2 yang4; 一起。|一起=yi4 qi3
唯一。|唯一=wei2 yi1; 万一下雨。|万一=wan4 yi1; 三分之一。|三分之一=san1 fen1 zhi1 yi1; 一二三四。|一二三四=yi1 er4 san1 si4
一比一。|一比一=yi1 bi3 yi1; 十减一等于九。|减一=jian3 yi1; 一乘以二。|一乘=yi1 cheng2; 一是没钱，二是没时间。|一是=yi1 shi4
高一学生。|高一=gao1 yi1; 初一的作业。|初一=chu1 yi1; 一点五。|一点五=yi1 dian2 wu3; 一点儿。|一点儿=yi4 dian3 er5
一下子。|一下子=yi2 xia4 zi5; 一定。|一定=yi2 ding4; 一切。|一切=yi2 qie4; 看一看。|看一看=kan4 yi5 kan4
一会儿。|一会儿=yi2 hui4 er5; 一千一百。|一千一百=yi4 qian1 yi4 bai3; 一万。|一万=yi2 wan4; 一亿。|一亿=yi2 yi4
专一一点。|一点=yi4 dian3; 一线城市。|一线=yi1 xian4/yi2 xian4; 一级运动员。|一级=yi1 ji2; 一单元。|一单元=yi1 dan1 yuan2
数到一。|到一=dao4 yi1; 一季度。|一季度=yi1 ji4 du4; 一零二房间。|一零二=yi1 ling2 er4; 二零二一年。|二一年=er4 yi1 nian2
他住一零一。|一零一=yi1 ling2 yi1; 大一新生。|大一=da4 yi1; 一环路。|一环=yi1 huan2; 等于一。|于一=yu2 yi1; 一来二去。|一来=yi4 lai2
一群人。|一群=yi4 qun2; 一家人。|一家=yi4 jia1; 一到家就睡。|一到=yi2 dao4; 单一一种。|一种=yi4 zhong3; 一加二等于三。|一加二=yi1 jia1 er4
一一对应。|一一=yi1 yi1; 十一月十一日。|十一月十一日=shi2 yi1 yue4 shi2 yi1 ri4; 不一样。|不一样=bu4 yi2 yang4
说一不二。|说一不二=shuo1 yi1 bu2 er4; 一五一十。|一五一十=yi1 wu3 yi1 shi2; 一百零一夜。|一百零一=yi4 bai3 ling2 yi1
一心一意。|一心一意=yi4 xin1 yi2 yi4; 第一。|第一=di4 yi1; 同一个人。|同一个=tong2 yi2 ge5; 每一次。|每一次=mei3 yi2 ci4
有一次。|一次=yi2 ci4; 星期一一早出发。|一早=yi4 zao3; 一杯水。|一杯=yi4 bei1; 一日三餐。|一日=yi2 ri4; 一号楼一单元。|一单元=yi1 dan1 yuan2
一等座。|一等=yi1 deng3; 一流的水平。|一流=yi1 liu2/yi4 liu2; 百分之一。|之一=zhi1 yi1; 一点一。|一点一=yi1 dian3 yi1
一对一辅导。|一对一=yi2 dui4 yi1; 小孩儿笑了。|小孩儿=xiao3 hai2 er5; 他在门口儿等。|门口儿=men2 kou3 er5; 玩儿。|玩儿=wan2 er5
这儿。|这儿=zhe4 er5; 花儿开了。|花儿=hua1 er5; 他的女儿。|女儿=nv3 er2; 儿子。|儿子=er2 zi5; 儿童节。|儿童=er2 tong2
幼儿园。|幼儿园=you4 er2 yuan2; 一点儿。|点儿=dian3 er5; 男孩儿。|男孩儿=nan2 hai2 er5; 没事儿。|事儿=shi4 er5
聊聊天儿。|天儿=tian1 er5; 冰棍儿。|冰棍儿=bing1 gun4 er5; 胡同儿里。|胡同儿=hu2 tong4 er5; 公园儿。|公园儿=gong1 yuan2 er5
哥们儿。|哥们儿=ge1 men5 er5; 慢慢儿走。|慢慢儿=man4 man1 er5/man4 man4 er5; 画儿。|画儿=hua4 er5; 心眼儿。|心眼儿=xin1 yan3 er5
老头儿。|老头儿=lao3 tou2 er5/lao3 tou5 er5; 面条儿。|面条儿=mian4 tiao2 er5; 今儿。|今儿=jin1 er5; 婴儿。|婴儿=ying1 er2
孤儿院。|孤儿院=gu1 er2 yuan4; 少儿节目。|少儿=shao4 er2; 托儿所。|托儿所=tuo1 er2 suo3; 带劲儿。|带劲儿=dai4 jin4 er5
拐弯儿。|拐弯儿=guai3 wan1 er5; 饭馆儿。|饭馆儿=fan4 guan3 er5; 味儿。|味儿=wei4 er5; 鸟儿飞。|鸟儿=niao3 er5
小猫儿。|小猫儿=xiao3 mao1 er5; 玩儿命。|玩儿命=wan2 er5 ming4; 一块儿去。|一块儿=yi2 kuai4 er5; 干活儿。|干活儿=gan4 huo2 er5
小曲儿。|小曲儿=xiao2 qu3 er5; 纳闷儿。|纳闷儿=na4 men4 er5; 猴儿。|猴儿=hou2 er5; 女儿红。|女儿=nv3 er2
有点儿。|有点儿=you2 dian3 er5; 差点儿。|差点儿=cha4 dian3 er5; 宝贝儿。|宝贝儿=bao3 bei4 er5/bao3 bei5 er5
大伙儿。|大伙儿=da4 huo3 er5; 皮儿。|皮儿=pi2 er5; 瓜子儿。|瓜子儿=gua1 zi3 er5; 好好儿。|好好儿=hao3 hao1 er5/hao2 hao3 er5
庙里有和尚。|和尚=he2 shang5; 他的衣裳。|衣裳=yi1 shang5; 窗户开了。|窗户=chuang1 hu5; 豆腐好吃。|豆腐=dou4 fu5
打了一巴掌。|巴掌=ba1 zhang5; 巴结他。|巴结=ba1 jie5; 打扮得漂亮。|打扮=da3 ban5; 这个故事。|故事=gu4 shi5; 扫帚。|扫帚=sao4 zhou5
月亮。|月亮=yue4 liang5; 他的媳妇。|媳妇=xi2 fu5; 石榴。|石榴=shi2 liu5; 葡萄。|葡萄=pu2 tao5; 告诉我。|告诉=gao4 su5
先生。|先生=xian1 sheng5; 学生。|学生=xue2 sheng5; 姑娘。|姑娘=gu1 niang5; 妈妈。|妈妈=ma1 ma5; 椅子。|椅子=yi3 zi5
石头。|石头=shi2 tou5; 我们。|我们=wo3 men5; 桌子上。|桌子上=zhuo1 zi5 shang5; 谢谢。|谢谢=xie4 xie5; 知识。|知识=zhi1 shi5
生意。|生意=sheng1 yi5; 朋友。|朋友=peng2 you5; 暖和。|暖和=nuan3 huo5; 萝卜。|萝卜=luo2 bo5; 耳朵。|耳朵=er3 duo5
眼睛。|眼睛=yan3 jing5; 骆驼。|骆驼=luo4 tuo5; 琵琶。|琵琶=pi2 pa5; 灯笼。|灯笼=deng1 long5; 老婆。|老婆=lao3 po5
脾气。|脾气=pi2 qi5; 困难。|困难=kun4 nan5; 馒头。|馒头=man2 tou5; 太太。|太太=tai4 tai5; 丫头。|丫头=ya1 tou5; 芝麻。|芝麻=zhi1 ma5
庄稼。|庄稼=zhuang1 jia5; 客气。|客气=ke4 qi5; 休息。|休息=xiu1 xi5; 什么。|什么=shen2 me5; 玻璃。|玻璃=bo1 li5; 蘑菇。|蘑菇=mo2 gu5
钥匙。|钥匙=yao4 shi5; 丈夫。|丈夫=zhang4 fu5; 棉花。|棉花=mian2 hua5; 老实。|老实=lao3 shi5; 麻烦。|麻烦=ma2 fan5
收拾。|收拾=shou1 shi5; 护士。|护士=hu4 shi5/hu4 shi4; 看看。|看看=kan4 kan5; 宝宝。|宝宝=bao3 bao5; 星星。|星星=xing1 xing5
人家。|人家=ren2 jia5/ren2 jia1; 天天。|天天=tian1 tian1; 人人。|人人=ren2 ren2; 常常。|常常=chang2 chang2
早上。|早上=zao3 shang5; 屋里。|屋里=wu1 li5; 裁缝。|裁缝=cai2 feng5; 喇叭。|喇叭=la3 ba5; 核桃。|核桃=he2 tao5
大夫。|大夫=dai4 fu5; 糊涂。|糊涂=hu2 tu5; 商量。|商量=shang1 liang5; 便宜。|便宜=pian2 yi5; 牡丹。|牡丹=mu3 dan5/mu3 dan1
包袱。|包袱=bao1 fu5; 狐狸。|狐狸=hu2 li5; 出来。|出来=chu1 lai5/chu1 lai2; 咳嗽。|咳嗽=ke2 sou5; 热闹。|热闹=re4 nao5
干净。|干净=gan1 jing5/gan1 jing4; 消息。|消息=xiao1 xi5; 认识。|认识=ren4 shi5; 事情。|事情=shi4 qing5; 招呼。|招呼=zhao1 hu5
屁股。|屁股=pi4 gu5; 胳膊。|胳膊=ge1 bo5; 指甲。|指甲=zhi3 jia5; 拳头。|拳头=quan2 tou5; 舌头。|舌头=she2 tou5; 嘴巴。|嘴巴=zui3 ba5
尾巴。|尾巴=wei3 ba5; 下巴。|下巴=xia4 ba5; 丈母娘。|丈母娘=zhang4 mu3 niang2; 老鼠。|老鼠=lao2 shu3
大意失荆州。|大意=da4 yi5/da4 yi4; 段落大意。|大意=da4 yi4; 地道的北京菜。|地道=di4 dao5/di4 dao4; 地道战。|地道战=di4 dao4 zhan4
本事。|本事=ben3 shi5; 女婿。|女婿=nv3 xu5; 孩子。|孩子=hai2 zi5; 兄弟。|兄弟=xiong1 di5/xiong1 di4; 父母。|父母=fu4 mu3
东西南北。|东西南北=dong1 xi1 nan2 bei3; 买东西。|东西=dong1 xi5; 莲子。|莲子=lian2 zi3; 原子弹。|原子弹=yuan2 zi3 dan4
电子邮件。|电子=dian4 zi3; 精神很好。|精神=jing1 shen5/jing1 shen2; 运气。|运气=yun4 qi5; 师傅。|师傅=shi1 fu5
师父。|师父=shi1 fu5; 老爷。|老爷=lao3 ye5; 聪明。|聪明=cong1 ming5/cong1 ming2; 称呼。|称呼=cheng1 hu5; 吆喝。|吆喝=yao1 he5
冤枉。|冤枉=yuan1 wang5; 唠叨。|唠叨=lao2 dao5; 逻辑。|逻辑=luo2 ji5/luo2 ji2; 抽屉。|抽屉=chou1 ti5; 苍蝇。|苍蝇=cang1 ying5
刺猬。|刺猬=ci4 wei5; 队伍。|队伍=dui4 wu5/dui4 wu3; 作坊。|作坊=zuo1 fang5/zuo1 fang1; 折腾。|折腾=zhe1 teng5
动弹。|动弹=dong4 tan5; 别扭。|别扭=bie4 niu5; 疙瘩。|疙瘩=ge1 da5; 委屈。|委屈=wei3 qu5; 妥当。|妥当=tuo3 dang5/tuo3 dang4
"""


def syllables(text: str) -> list[tuple[str, str]]:
    """Each character with its two phones in one."""
    phones, found, at = phonemize(text), [], 0
    for word in phones.words:
        if word.language == "zh":
            names = phones.symbols[at : at + word.phones]
            found += [(c, names[2 * i] + names[2 * i + 1]) for i, c in enumerate(word.text)]
        at += word.phones
    return found


def wanted_phones(pinyin: str) -> str:
    names = [split_syllable(syllable[:-1]) for syllable in pinyin.split()]
    return " ".join(initial + final + s[-1] for (initial, final), s in zip(names, pinyin.split(), strict=True))


def is_read(text: str, wanted: str) -> bool:
    characters, readings = wanted.split("=")
    found = syllables(text)
    at = "".join(c for c, _ in found).find(characters)
    heard = " ".join(name for _, name in found[at : at + len(characters)])
    return at >= 0 and heard in [wanted_phones(reading) for reading in readings.split("/")]


def reported() -> list[tuple[str, ...]]:
    return [tuple(row.split(" | ")) for row in REPORTED.strip().splitlines()]


@pytest.mark.parametrize(("kind", "text", "wanted"), reported(), ids=lambda value: value[:20])
def test_reported(kind: str, text: str, wanted: str) -> None:
    assert is_read(text, wanted), (kind, syllables(text))


def test_further() -> None:
    items = [item.split("|") for row in FURTHER.strip().splitlines() for item in row.split("; ")]
    assert len(items) > 550
    assert not [(text, wanted, syllables(text)) for text, wanted in items if not is_read(text, wanted)]


@pytest.mark.parametrize("frame", ["{}", "这是{}吗"])
def test_words(frame: str) -> None:
    table = Path(__file__).with_name("polyphones.txt").read_text(encoding="utf-8").splitlines()[1:]
    wrong: list[tuple[str, str, str]] = []
    for row in table:
        character, reading, *words = row.split()
        for word in words:
            text = frame.format(word)
            read = [syllable for _, _, found in hanzi.segment(text) for syllable in found]
            heard = read[text.index(word) + word.index(character)]
            if heard not in (reading, reading[:-1] + "5"):
                wrong.append((word, reading, heard))
    assert not wrong
