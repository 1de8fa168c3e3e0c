"""Kinds of Mandarin writing: tables of kind, text and how it is read.

In the first table the wanted value is a pattern of the normalised text, in the second all of it.
"""
# ruff: noqa: E501

from __future__ import annotations

import re

import pytest

from gsv_lab.text import normalise, numbers_zh

REPORTED = r"""
square and cubic signs | 面积是20㎡。 | 平方米|平米
emergency number | 报警请打110。 | [幺一][幺一]零
full-width comma joins numbers | 我有100，200和300。 | 一百,(二|两)百和三百
full-width comma joins numbers | 他考了98，100，95分。 | 九十八,一百,九十五
full-width comma joins numbers | 单价100，200，300元。 | 一百,(二|两)百,三百元
full-width comma joins numbers | 成绩是98，100，87。 | 九十八,一百,八十七
yuan twice | 价格是￥1,234.56元。 | not 元元
yuan twice | ￥99.9元/月。 | not 元元
percent range | 涨幅10%-20%。 | not 负
per | 苹果5元/斤。 | 每斤
per | 票价10元/人。 | 每人
middle dot in a date | 9·11事件。 | 九(幺幺|一一)
middle dot in a date | “9·18”事变。 | 九[幺一]八
slash date (rough) | 5/1劳动节放假。 | not 分之
slash date (rough) | 10/1国庆节放假。 | not 分之
floor | 停在B2层。 | 二层
room | 他住502室。 | 五零二
room | 房间号是302。 | 三零二
train | G1024次列车到了。 | [幺一]零二四
train | 他坐G102次高铁。 | [幺一]零二
flight | CA1234航班到了。 | [幺一]二三四
Latin letters in Mandarin | T1、T2航站楼。 | not one
Latin letters in Mandarin | K1、K2路公交。 | not one
number plate | 车牌京A12345。 | [幺一]二三四五
Latin letters in Mandarin | 内存有8GB、16GB两种。 | not sixteen
control | 我有1,000元。 | 一千元
control | 比分是3:2。 | 三比二
control | 气温-5℃。 | 零下五
control | 他跑了120米。 | 一百二十米
control | 吃了3/4。 | 四分之三
control | 买了2层楼。 | 两层
"""

FURTHER = """
list of numbers | 我有100，200和300。 | 我有一百,二百和三百.
list of numbers | 数字有1、2、3。 | 数字有一,二,三.
list of numbers | 比分依次是98；100；87。 | 比分依次是九十八,一百,八十七.
list of numbers | 编号3，4，5都行。 | 编号三,四,五都行.
list of numbers | 共有1，000元。 | 共有一千元.
list of numbers | 他买了12，15，18号。 | 他买了十二,十五,十八号.
list of numbers | T1、T2航站楼 | T一,T二航站楼
list of numbers | 8GB、16GB | 八GB,十六GB
list of numbers | 内存有8GB、16GB | 内存有八GB,十六GB
list of numbers | A1、B2、C3号 | A一,B二,C三号
list of numbers | １００，２００ | 一百,二百
list of numbers | 限额100，200，300万 | 限额一百,二百,三百万
list of numbers | 价格分别为12，34，56美元 | 价格分别为十二,三十四,五十六美元
list of numbers | S1、S2路 | S一,S二路
list of numbers | M1、M2线 | M一,M二线
list of numbers | 我有32GB内存、1TB硬盘 | 我有三十二GB内存,一TB硬盘
money | 价格￥1,234.56元 | 价格一千二百三十四点五六元
money | ￥99.9元/月 | 九十九点九元每月
money | $100美元 | 一百美元
money | ¥50块 | 五十元
money | €30欧元 | 三十欧元
money | ¥3万元 | 三万元
money | ￥100元整 | 一百元整
money | RMB200元 | 二百元
money | HK$500 | 五百港元
money | ¥5.5 | 五点五元
money | ￥100-200元 | 一百到二百元
money | ¥20~¥30 | 二十到三十元
money | ¥30/kg | 三十元每千克
money | ￥88元起 | 八十八元起
money | ¥1.2万 | 一点二万元
money | $5/小时 | 五美元每小时
share | 10%-20% | 百分之十到百分之二十
share | 10-20% | 百分之十到百分之二十
share | 5%~8% | 百分之五到百分之八
share | 增长5%—10% | 增长百分之五到百分之十
share | -5% | 负百分之五
share | 下降了-3.5% | 下降了负百分之三点五
share | 100% | 百分之百
share | 20%～30% | 百分之二十到百分之三十
share | 约5%-10%的人 | 约百分之五到百分之十的人
per | 苹果5元/斤 | 苹果五元每斤
per | 票价10元/人 | 票价十元每人
per | 8元/平方米 | 八元每平方米
per | 限速60km/h | 限速六十千米每小时
per | 时速120公里/小时 | 时速一百二十公里每小时
per | 3次/天 | 三次每天
per | 80次/分 | 八十次每分
per | 20美元/小时 | 二十美元每小时
per | 100元/晚 | 一百元每晚
per | 工资5000元/月 | 工资五千元每月
per | 5L/min | 五升每分钟
per | 房租3000/月 | 房租三千每月
per | 2片/次 | 两片每次
per | 1500元/㎡ | 一千五百元每平方米
per | 15元/份 | 十五元每份
per | 5kg/箱 | 五千克每箱
day | 9·11事件 | 九一一事件
day | “9·18”事变 | 九一八事变
day | 3·15晚会 | 三一五晚会
day | 12·9运动 | 一二九运动
day | 7·7事变 | 七七事变
day | 双11购物节 | 双十一购物节
day | 双12 | 双十二
day | 618大促 | 六一八大促
day | 911事件 | 九一一事件
day | 沪B·88888 | 沪B八八八八八
day | “五·四”运动 | 五四运动
day | “12·9”运动 | 一二九运动
day | “3·15” | 三一五
day | “7·21”暴雨 | 七二一暴雨
day | 1·28事变 | 一二八事变
day | 粤B·12345 | 粤B幺二三四五
day | 川A·88888 | 川A八八八八八
floor | 停在B2层 | 停在B二层
floor | 他住在2层 | 他住在二层
floor | 买了2层楼 | 买了两层楼
floor | 地下2层 | 地下二层
floor | 第2层 | 第二层
floor | -1层 | 负一层
floor | 2楼 | 二楼
floor | 他上了2楼 | 他上了二楼
floor | L2层 | L二层
floor | F3楼 | F三楼
floor | 3号楼2单元501 | 三号楼二单元五零幺
floor | 住在18层 | 住在十八层
floor | B1层停车场 | B一层停车场
floor | 在F2层 | 在F二层
room | 他住502室 | 他住五零二室
room | 房间号是302 | 房间号是三零二
room | 302房间 | 三零二房间
room | 1208房 | 幺二零八房
room | 8栋1201室 | 八栋幺二零幺室
room | 教室101 | 教室幺零幺
room | 405会议室 | 四零五会议室
room | 2室1厅 | 两室一厅
room | 3室2厅 | 三室两厅
room | 601病房 | 六零幺病房
room | 他在1503房间 | 他在幺五零三房间
room | 会议在806会议室 | 会议在八零六会议室
room | 住8012号房 | 住八零幺二号房
train or flight | G1024次列车 | G幺零二四次列车
train or flight | 他坐G102次高铁 | 他坐G幺零二次高铁
train or flight | D301次 | D三零幺次
train or flight | K528次 | K五二八次
train or flight | 乘坐T109 | 乘坐T幺零九
train or flight | 1461次列车 | 幺四六幺次列车
train or flight | CA1234航班 | CA幺二三四航班
train or flight | MU5101航班 | MU五幺零幺航班
train or flight | 航班号CZ3105 | 航班号CZ三幺零五
train or flight | G7次列车 | G七次列车
train or flight | K1068次 | K幺零六八次
train or flight | 动车D2287 | 动车D二二八七
train or flight | 高铁G1 | 高铁G一
train or flight | MU2588次航班 | MU二五八八次航班
train or flight | 国航CA981 | 国航CA九八幺
telephone | 报警请打110 | 报警请打幺幺零
telephone | 拨打120 | 拨打幺二零
telephone | 火警电话119 | 火警电话幺幺九
telephone | 请拨122 | 请拨幺二二
telephone | 打12345热线 | 打幺二三四五热线
telephone | 拨打10086 | 拨打幺零零八六
telephone | 12306网站 | 幺二三零六网站
telephone | 打了120 | 打了幺二零
telephone | 打了110分钟电话 | 打了一百一十分钟电话
telephone | 转801 | 转八零幺
telephone | 电话3个 | 电话三个
telephone | 急救电话是120 | 急救电话是幺二零
telephone | 遇到火灾打119 | 遇到火灾打幺幺九
telephone | 拨打114查询 | 拨打幺幺四查询
telephone | 客服热线95588 | 客服热线九五五八八
letters and digits | 车牌京A12345 | 车牌京A幺二三四五
letters and digits | 粤A8K123 | 粤A八K幺二三
letters and digits | 车牌号是苏E67890 | 车牌号是苏E六七八九零
letters and digits | PM2.5指数 | PM二点五指数
letters and digits | 5G手机 | 五G手机
letters and digits | H7N9禽流感 | H七N九禽流感
letters and digits | F-16战机 | F十六战机
letters and digits | A4纸 | A四纸
letters and digits | C919飞机 | C九幺九飞机
letters and digits | 10kg-20kg | 十千克到二十千克
letters and digits | 5 µm | 五微米
letters and digits | 5m³ | 五立方米
letters and digits | 100m2 | 一百平方米
letters and digits | 500mAh | 五百毫安时
letters and digits | QQ号12345678 | QQ号幺二三四五六七八
letters and digits | 1080P | 一零八零P
letters and digits | 视频是1080P的 | 视频是一零八零P的
letters and digits | v2.0.1版 | v二点零点一版
letters and digits | iOS17系统 | iOS十七系统
letters and digits | 3D电影 | 三D电影
letters and digits | 500ml | 五百毫升
letters and digits | VIP888 | VIP八八八
letters and digits | 鲁B12C34 | 鲁B幺二C三四
letters and digits | 5GB和10GB | 五GB和十GB
letters and digits | USB3.0接口 | USB三点零接口
letters and digits | Win10系统 | Win十系统
number | 100元人民币 | 一百元人民币
number | 5.12地震 | 五一二地震
number | 5/1劳动节 | 五月一日劳动节
number | 10/1国庆节 | 十月一日国庆节
number | 12/25圣诞节 | 十二月二十五日圣诞节
number | 会议在3/15举行 | 会议在三月十五日举行
number | 截止日期：6/30 | 截止日期,六月三十日
number | 5/1-5/7放假 | 五月一日到五月七日放假
number | 2024/5/1 | 二零二四年五月一日
number | 2024.5.1 | 二零二四年五月一日
number | 2024-05-01 | 二零二四年五月一日
number | 有110人 | 有一百一十人
number | 波音747 | 波音七四七
number | 985高校 | 九八五高校
number | 211工程 | 二一一工程
number | 996工作制 | 九九六工作制
number | 301医院 | 三零一医院
number | 318国道 | 三幺八国道
number | 302路公交 | 三零二路公交
number | 31路公交 | 三十一路公交
number | 404错误 | 四零四错误
number | 360浏览器 | 三六零浏览器
number | 90后 | 九零后
number | 00后 | 零零后
number | 80年代 | 八十年代
number | 98年出生 | 九八年出生
number | 08年奥运会 | 零八年奥运会
number | 2020级 | 二零二零级
number | 2019-2022 | 二零一九到二零二二
number | 1998-2003年 | 一九九八到二零零三年
number | 公元前221年 | 公元前二二一年
number | 300年 | 三百年
number | 2年级 | 二年级
number | 2年 | 两年
number | 2个 | 两个
number | 2点 | 两点
number | 2号 | 二号
number | 2月 | 二月
number | 2天 | 两天
number | 2两酒 | 二两酒
number | 2-3个 | 两到三个
number | 1-5号 | 一到五号
number | 3-5天 | 三到五天
number | 20-30岁 | 二十到三十岁
number | 100-200元 | 一百到二百元
number | 3~5分钟 | 三到五分钟
number | 8:00-17:00 | 八点整至十七点整
number | 9:30 | 九点半
number | 3点15 | 三点十五
number | 周一-周五 | 周一到周五
number | 周一~周五 | 周一到周五
number | 第1-3章 | 第一到第三章
number | 5月1-3日 | 五月一到三日
number | 3月-5月 | 三月至五月
number | 5元-10元 | 五元到十元
number | 15-20℃ | 十五到二十摄氏度
number | 气温-5℃~3℃ | 气温零下五到三度
number | -5~3℃ | 零下五到三摄氏度
number | 比分3:2 | 比分三比二
number | 以3-2战胜 | 以三比二战胜
number | 16:9 | 十六比九
number | 1:1 | 一比一
number | 4.5/5 | 四点五分,满分五分
number | 3/4 | 四分之三
number | 1 1/2 | 一又二分之一
number | 1/3的人 | 三分之一的人
number | 5-3=2 | 五减三等于二
number | 3*4=12 | 三乘四等于十二
number | 1+1=2 | 一加一等于二
number | 100001000 | 一亿零一千
number | 共有100001000人 | 共有一亿零一千人
number | 10001000 | 一千万一千
number | 1米75 | 一米七五
number | 1块5 | 一块五
number | 3块2 | 三块二
number | 20㎡ | 二十平方米
number | 13800138000 | 幺三八零零幺三八零零零
number | 138-0013-8000 | 幺三八,零零幺三,八零零零
number | 010-12345678 | 零幺零,幺二三四五六七八
number | 400-800-1234 | 四零零,八零零,幺二三四
number | 邮编100081 | 邮编幺零零零八幺
number | 验证码是8861 | 验证码是八八六幺
number | 学号2021001 | 学号二零二幺零零幺
number | 密码123456 | 密码幺二三四五六
number | 手机2部 | 手机两部
number | 7×24小时 | 七乘二十四小时
number | 2024年5月1日 | 二零二四年五月一日
number | 1,234,567 | 一百二十三万四千五百六十七
number | 0.5 | 零点五
number | -5 | 负五
number | 我有３个 | 我有三个
number | 第１０００名 | 第一千名
number | 2000年 | 二零零零年
number | 2万人 | 两万人
number | 200人 | 二百人
number | 22个 | 二十二个
number | 12点 | 十二点
number | 0点 | 零点
number | 1/2 | 二分之一
number | ①苹果②香蕉 | 一 苹果 二 香蕉
number | 3.14 | 三点一四
number | ≥5 | 大于等于五
number | 50多人 | 五十多人
number | 10几个 | 十几个
number | 3月8日 | 三月八日
number | 5.1放假 | 五月一日放假
number | 3.8妇女节 | 三月八日妇女节
number | 10.1国庆 | 十月一日国庆
number | 1.5倍 | 一点五倍
number | 5折 | 五折
number | 第3季度 | 第三季度
number | 乘3路车 | 乘三路车
number | 88888元 | 八万八千八百八十八元
number | 6/1儿童节 | 六月一日儿童节
list of years | 2020，2021年都去过。 | 二零二零,二零二一年都去过.
season | 2024/25赛季开始了 | 二零二四到二五赛季开始了
season | 2023-24学年 | 二零二三到二四学年
season | 2020.10-2021.3在职 | 二零二零年十月到二零二一年三月在职
codes | B1-B3层 | B一到B三层
codes | A1~A4区 | A一到A四区
codes | G1-G5次 | G一到G五次
codes | 去B1—B3层 | 去B一到B三层
codes | 版本V1.2-V1.5 | 版本V一点二到V一点五
codes | 型号A1-B2 | 型号A一-B二
codes | G123/G124次列车 | G幺二三/G幺二四次列车
codes | T1/T2航站楼 | T一/T二航站楼
codes | MP3/MP4播放器 | MP三/MP四播放器
train | D2次列车 | D二次列车
train | 坐K8次快车 | 坐K八次快车
born | 85后和95后 | 八五后和九五后
born | 85后退 | 八十五后退
ten thousand | 他有10000。 | 他有一万.
ten thousand | 拨打10000 | 拨打幺零零零零
ten thousand | 10000号客服 | 幺零零零零号客服
unit of two | 加速度9.8m/s²。 | 加速度九点八米每二次方秒.
unit of two | 9.8m/s的速度 | 九点八米每秒的速度
unit of two | 浓度3mol/L。 | 浓度三摩尔每升.
list of years | 1998、1999年 | 一九九八,一九九九年
list of years | 2019和2020年 | 二零一九和二零二零年
list of years | 从2015到2020年 | 从二零一五到二零二零年
list of years | 2019、2020和2021年 | 二零一九,二零二零和二零二一年
list of years | 2000、3000元 | 二千,三千元
emergency numbers | 打110和120。 | 打幺幺零和幺二零.
emergency numbers | 打110或119。 | 打幺幺零或幺幺九.
emergency numbers | 请打110、119。 | 请打幺幺零,幺幺九.
emergency numbers | 拨打110或者120求助 | 拨打幺幺零或者幺二零求助
emergency numbers | 119、120都打了 | 幺幺九,幺二零都打了
emergency numbers | 打110和吃了120个 | 打幺幺零和吃了一百二十个
emergency numbers | 他买了110和120两种 | 他买了一百一十和一百二十两种
number | 9/10教师节 | 九月十日教师节
number | 1/1元旦 | 一月一日元旦
number | 12/31前提交 | 十二月三十一日前提交
"""


def rows(table: str) -> list[tuple[str, ...]]:
    return [tuple(row.split(" | ")) for row in table.strip().splitlines()]


@pytest.mark.parametrize(("kind", "text", "wanted"), rows(REPORTED), ids=lambda value: value[:24])
def test_reported(kind: str, text: str, wanted: str) -> None:
    found = re.search(wanted.removeprefix("not "), normalise(text))
    assert bool(found) != wanted.startswith("not "), (kind, normalise(text))


@pytest.mark.parametrize("kind", sorted({row[0] for row in rows(FURTHER)}))
def test_further(kind: str) -> None:
    wrong: list[tuple[str, str, str]] = []
    for _, text, wanted in (row for row in rows(FURTHER) if row[0] == kind):
        spoken = normalise(text, "auto" if re.search("[一-龥]", text) else "zh")
        if spoken != wanted:
            wrong.append((text, wanted, spoken))
    assert not wrong


def test_inner_zeros() -> None:
    assert numbers_zh.cardinal("100001000") == "一亿零一千"
    assert numbers_zh.cardinal("100010001") == "一亿零一万零一"
    assert numbers_zh.cardinal("1000010") == "一百万零一十"
