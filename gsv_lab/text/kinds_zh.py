"""Kinds of digits and signs in Mandarin text: what they look like, how they are read.

`KINDS` is applied from top to bottom by `normalise_zh.py`; a row is `kind | pattern | reading`. In a pattern `<name>`
stands for what `SHORTHAND` says. A reading is a template over the groups of the pattern, in which a letter says how:

    {1}    as it stands              {1:d}  digit by digit               {1:-}  负 if the group holds anything
    {1:n}  as a number               {1:y}  digit by digit, 1 as 幺      {1:u}  the name of a unit or a sign
    {1:p}  as a number, 2 as 两      {1:i}  as a number, without zeros   {1:z}  as i, with 零 below ten
                                                                         {1:~}  零下 if the group holds anything

A word instead of a template names a function of `normalise_zh.py`, and - is nothing. Sources: GB/T 15835-2011 for
numerals in Chinese text, GB 3100 for units, the operators for numbers of services, and what people say for the rest.
"""
# ruff: noqa: E501

from __future__ import annotations


def pairs(rows: str) -> dict[str, str]:
    """A table that is written as `key:value key:value`; an underscore in a value is a blank."""
    table: dict[str, str] = {}
    for pair in rows.split():
        key, _, value = pair.partition(":")
        table[key] = value.replace("_", " ")
    return table


UNITS = pairs(
    """
    km/h:千米每小时 m/s^2:米每二次方秒 m/s:米每秒 mol:摩尔 km^2:平方千米 m^2:平方米 m^3:立方米 m2:平方米 m3:立方米 cm^2:平方厘米 cm^3:立方厘米 km:千米
    cm:厘米 mm:毫米 dm:分米 m:米 kg:千克 mg:毫克 μg:微克 μm:微米 nm:纳米 μs:微秒 g:克 t:吨 ha:公顷 lb:磅 mL:毫升
    ml:毫升 L:升 l:升 kHz:千赫 MHz:兆赫 GHz:吉赫 Hz:赫兹 oz:盎司 kWh:千瓦时 kW:千瓦 MW:兆瓦 W:瓦 V:伏 mAh:毫安时
    mA:毫安 dB:分贝 ms:毫秒 s:秒 min:分钟 h:小时 kcal:千卡 kPa:千帕 hPa:百帕 MPa:兆帕 Mbps:兆比特每秒 Gbps:吉比特每秒
    rpm:转每分钟 fps:帧每秒 mph:英里每小时 ft:英尺 °C:摄氏度 °F:华氏度 °:度 %:% ‰:‰
    """
)
MONEY = pairs(
    """
    US$:美元 HK$:港元 NT$:新台币 A$:澳元 C$:加元 S$:新加坡元 RMB:元 CNY:元 USD:美元 EUR:欧元 GBP:英镑 JPY:日元
    HKD:港元 ¥:元 $:美元 €:欧元 £:英镑 ₩:韩元 ₹:卢比 ₽:卢布
    """
)
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        (
            "阿尔法 贝塔 伽马 德尔塔 艾普西龙 泽塔 伊塔 西塔 约塔 卡帕 拉姆达 缪 纽 克西 欧米克戎 派 柔 西格马 西格马 陶 "
            "宇普西龙 斐 希 普西 欧米伽"
        ).split(),
        strict=True,
    )
)
SYMBOLS = pairs(
    """
    +:加 =:等于 ×:乘 ÷:除以 ±:正负 ≈:约等于 ≠:不等于 ≤:小于等于 ≥:大于等于 <:小于 >:大于 √:根号 &:和 @:艾特 #:井号 %:百分号
    °:度 ‰:千分号 $:美元 €:欧元 £:英镑 ¥:元 ₹:卢比 ₩:韩元 ₽:卢布 ¢:分 ^:的
    """
)
UNIT_PATTERN = "|".join(sorted(UNITS, key=len, reverse=True)).replace("^", r"\^")
SHORTHAND = {
    "unit": UNIT_PATTERN,
    "sign": "|".join(sorted(MONEY, key=len, reverse=True)).replace("$", r"\$"),
    "greek": "".join(GREEK) + "".join(GREEK).upper(),
    "symbol": "".join(SYMBOLS).replace("^", r"\^"),
    "n": r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?",
    "to": r"\s?[\-~—]\s?",
    "clock": r"(\d{1,2}):(\d\d)",
    "year": r"(?:19|20)\d\d",
    "month": "0?[1-9]|1[0-2]",
    "mday": r"0?[1-9]|[12]\d|3[01]",
    "money": r"元|块钱?|圆|美元|美金|刀|欧元|英镑|港元|港币|日元|韩元|卢比|卢布|人民币",
    "measure": (
        r"个|只|条|张|位(?!数|于)|名|件|本|把|台|辆|座|间|家|所|次|回|遍|场|首|篇|颗|粒|块|片|朵|棵|匹|头|口|双|对|"
        r"套|份|杯|瓶|碗|盒|箱|袋|天|年(?!级|代)|周(?!年?末)|小时|分钟|秒|点(?!\d)|斤|公斤|公里|里|米|厘米|毫米|"
        r"千米|千克|毫克|克|吨|毫升|升|元|岁|层|倍|人|种|门|幅|支|枚|艘|架|股|道|扇|盏|根|滴|桶|罐|包|盘|串|束|排|群|批|"
        r"集|页|句|笔|款|样|类|户|栋|幢|处|项|局|轮|届|圈|步|趟|顿|阵|堆|勺|平方|立方|平米|英里|英尺|英寸|海里|公顷|亩|"
        r"千瓦|瓦|度|周岁|周年|室|厅|卫(?!生)|磅|块钱|毛|分(?![之\d])|成|代(?!表)|段|字|组|等分|毫秒|部(?![分长队门落位])|微米|帧|盆|壶|"
        r"捆|筐|车|寸|尺|丈|拳|脚|巴掌|胎|期|节|晚|宿|季(?!度)|刻钟|刀|刷"
    ),
    "per": (
        r"平方米|平米|平方|公里|小时|分钟|公斤|千克|斤|克|人次|人|天|日|月|年|周|次|件|个|位|晚|间|份|张|只|吨|升|毫升|度|"
        r"秒|科|节|课时|股|盒|瓶|杯|箱|包|袋|本|头|条|米|亩|户|期|季度?|班|场|套|台|辆|斗|桌|碗|盘|串|双|把|支|枚|颗|"
        r"粒|块|片|瓦|字|页|集|轮|局|步|圈|车|趟|站|家|分|时|年度|学期"
    ),
    "service": r"110|119|120|122|114|12\d{3}|100(?:0\d|1\d|86)|9[56]\d{3,4}|400\d{7}",
    "code": (
        r"号码|电话|手机|座机|房号|房间号?|编号|邮编|QQ号?|密码|代码|工号|学号|车牌号?|尾号|热线|航班号?|验证码|账号|门牌号?|"
        r"传真|区号|分机|卡号|订单号|单号|考号|考准证号|准考证号|身份证号?|序列号|车次|取件码|提取码|口令|ID|微信号?|手机号|客服|"
        r"车厢号|警号|批号|证号|教室|宿舍|寝室|会议室|包间|包厢|病房|信箱"
    ),
    "room": r"号?(?:室(?!友|外)|房间?|病房|会议室|宿舍|教室|包间|包厢|寝室|办公室|号房|信箱|车厢)",
    "feast": r"劳动节|国庆|元旦|儿童节|妇女节|建军节|青年节|圣诞|情人节|光棍节|愚人节|教师节|植树节|护士节|母亲节|长假|假期|小长假|黄金周|放假|节",
    "event": r"事件|事变|惨案|地震|大地震|特大地震|晚会|运动|购物节|大促|狂欢|起义|革命|恐袭|恐怖|维权|消费者|洪水|爆炸|空难|案|促销",
    "day": r"上午|下午|晚上|早上|中午|凌晨|当天|之前|之后|以前|以后|开始|举行|开业|截止|到期|出发|开学|上线|发售|开盘",
    "plate": r"京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼",
}
KINDS = r"""
# Codes with letters, before anything takes their digits for a number.
number plate     | ([<plate>][A-Z])[·.\s]?(?=[A-Z0-9]*\d)([A-Z0-9]{4,6})(?![A-Za-z0-9]) | {1}{2:y}
codes            | (?<![A-Za-z])([A-Z]{1,3})(\d{1,4}(?:\.\d+)?)\s?[\-~—]\s?\1(\d{1,4}(?:\.\d+)?)(?![\dA-Za-z.]) | {1}{2}到{1}{3}
train            | (?<![A-Za-z])([GDCZTKYLS])(\d{1,2})(?=次) | {1}{2:n}
# Dates.
date             | (?<!\d)(\d{4})([\-/.])(<month>)\2(<mday>)(?![\d\-/.]) | {1:d}年{3:i}月{4:i}日
months           | (?<!\d)(<year>)([.\-/])(<month>)\s?[\-~—]\s?(<year>)\2(<month>)(?![\d\-/.]) | {1:d}年{3:i}月到{4:d}年{5:i}月
season           | (?<!\d)(<year>)[/\-](\d\d)(?=赛季|学年|财年) | {1:d}到{2:d}
year and month   | (?<!\d)(<year>)[\-/](0[1-9]|1[0-2])(?![\d\-/]) | {1:d}年{2:i}月
event by its day | (?<![\d.])(\d{1,2})[·.](\d{1,2})(?=[\s]?(?:<event>)) | {1:d}{2:d}
event by its day | (?<!\d)(\d{1,2})·(\d{1,2})(?!\d) | {1:d}{2:d}
event by its day | (?<![\d.])(911|918|315|618|512|128|129|77|1111|1212)(?=<event>) | {1:d}
day              | (?<![\d./])(<month>)/(1[3-9]|2\d|3[01])(?=[前后]) | {1:i}月{2:i}日
days             | (?<![\d/])(\d{1,2})/(\d{1,2})<to>(\d{1,2})/(\d{1,2})(?![\d/]) | {1:i}月{2:i}日到{3:i}月{4:i}日
feast            | (?<![\d./])(<month>)[/.](<mday>)(?=\s?(?:日|号)?\s?(?:<feast>)) | {1:i}月{2:i}日
day              | (?<![\d./])(<month>)/(<mday>)(?=日|号|\s?(?:<day>)) | {1:i}月{2:i}日
day              | (?<=[在于至从自到])(<month>)/(<mday>)(?![\d/]) | {1:i}月{2:i}日
day              | (?:(?<=日期)|(?<=生日)|(?<=时间))([:是为]?)(<month>)/(<mday>)(?![\d/]) | {1}{2:i}月{3:i}日
years            | (?<!\d)(\d{4})<to>(\d{4})(?=年) | {1:d}到{2:d}
years            | (?<!\d)(<year>)<to>(<year>)(?![\d\-]) | {1:d}到{2:d}
years            | (?<!\d)(<year>)(?=(?:\s?[,和与及或至到/]\s?<year>年?)*\s?[,和与及或至到/]\s?<year>年) | {1:d}
year             | (?<!\d)(\d{4})(?=年)|(?<!\d)(\d0|[5-9]5(?=后(?![退来面续天])))(?=后) | {0:d}
year             | (?<=公元前)(\d{1,4})(?=年) | {1:d}
year             | (?<!\d)(<year>)(?=[届级款版春夏秋冬]|财年|学年|赛季|奥运|世界杯|春晚|北京奥运|东京奥运) | {1:d}
short year       | (?<!\d)(0\d|[5-9]\d)(?=年(?:出生|生|毕业|入学|[春夏秋冬]|的时候|世界杯|奥运|\d{1,2}月))|(?<!\d)(0\d)(?=年|届|级|后) | {0:d}
# Clock, scores.
clock times      | (?<![\d:])<clock><to><clock>(?![\d:]) | clock_range
score            | ((?:比分|以|比)[是为:]?)(\d{1,3})[\-:—](\d{1,3})(?!\d) | {1}{2:n}比{3:n}
score            | (?<![\d\-.])(\d{1,3})-(\d{1,3})(?=战胜|击败|获胜|大胜|险胜|逆转|落后|领先|负于|不敌|战平|取胜|战成|打败|大比分) | {1:n}比{2:n}
clock            | (?<![\d:])<clock>(?::(\d\d))?(?![\d:]) | clock
ratio            | (?<![\d:])(<n>):(<n>):(<n>)(?![\d:]) | {1:n}比{2:n}比{3:n}
ratio            | (?<![\d:])(<n>):(<n>)(?![\d:]) | {1:n}比{2:n}
clock            | (?<!\d)(\d{1,2})点(\d{1,2})(?![\d.分]|个|块|米|元|%) | {1:p}点{2:z}
weekdays         | (?:(?<=周[一二三四五六日])|(?<=期[一二三四五六日天]))\s?[\-~—]\s?(?=[周星一二三四五六日天]) | 到
span             | (?<=[日号月年天时点分])\s?[\-~—]\s?(?=\d) | 至
span             | (?<=[元块米斤克里岁个人度层楼页章级℃万亿次])\s?[\-~—]\s?(?=\d) | 到
# Temperatures, shares, money.
temperatures     | (温[^,.°]{0,7}?)(-?)(<n>)(?:°C?)?<to>(-?)(<n>)\s?°C | {1}{2:~}{3:n}到{4:~}{5:n}度
temperatures     | (-?)(<n>)(?:°[CF]?)?<to>(-?)(<n>)\s?(°[CF]) | {1:~}{2:n}到{3:~}{4:n}{5:u}
temperature      | (温[^,.°]{0,7}?)(?<!\d)(-?)(<n>)\s?°C | {1}{2:~}{3:n}度
temperature      | (?<!\d)(-?)(<n>)\s?(°[CF]) | {1:~}{2:n}{3:u}
shares           | (?<![\d%])(-?)(<n>)\s?%?<to>(<n>)\s?% | {1:-}百分之{2:n}到百分之{3:n}
shares           | (?<![\d‰])(-?)(<n>)\s?‰?<to>(<n>)\s?‰ | {1:-}千分之{2:n}到千分之{3:n}
whole            | (?<![\d.])100\s?% | 百分之百
share            | ((?<![\d%])-|)(<n>)\s?% | {1:-}百分之{2:n}
share            | ((?<![\d‰])-|)(<n>)\s?‰ | {1:-}千分之{2:n}
money range      | ((?:<sign>))\s?(<n>)<to>(?:<sign>)?\s?(<n>)\s?([万亿千百]*)\s?(?:<money>)? | {2:n}到{3:n}{4}{1:u}
money            | (-?)¥\s?(<n>)\s?([万亿千百]*)\s?(日元|韩元|港元|港币) | {1:-}{2:p}{3}{4}
money            | (-?)(<sign>)\s?(<n>)\s?([万亿千百]*)\s?(?:<money>)?(?!\d) | {1:-}{3:p}{4}{2:u}
money            | (<n>)\s?([万亿千百]*)\s?(<sign>)(?![\dA-Za-z]) | {1:p}{2}{3:u}
per              | (?<=[\d元角分块币金镑次个克米升里吨时天字下步圈条度人件瓦平万片粒颗根包袋瓶杯箱支本张只])\s?/\s?(?=(?:<per>)(?![A-Za-z])) | 每
per              | (?<=[元角分块币金镑次个克米升万])\s?/\s?(<unit>)(?![A-Za-z]) | 每{1:u}
per              | (<n>)\s?(<unit>)/(<unit>)(?![A-Za-z/^]) | {1:p}{2:u}每{3:u}
per              | (<n>)\s?(<unit>)/(?=(?:<per>)) | {1:p}{2:u}每
# Telephones and other codes.
mobile           | (?<!\d)(?:\+?86[ \-]?)?1[3-9]\d[ \-]?\d{4}[ \-]?\d{4}(?!\d) | phone
telephone        | \(0\d{2,3}\)\s?\d{7,8}|(?<![\d.])0\d{2,3}[\- ]\d{7,8}(?!\d)|\+\d{1,3}[ \-]?\d[\d \-]{6,18}\d | phone
hot line         | (?<!\d)[48]00-\d{3}-?\d{4}(?!\d)|(?<!\d)\d{3,4}-\d{7,8}(?!\d)|(?<!\d)[48]00-\d{4}-\d{3}(?!\d) | phone
extension        | (?<=转)(\d{2,5})(?!\d) | {1:y}
service          | (?<=[打拨叫按呼])((?:了|过|通)?)(<service>)(?!\d|\.\d|(?:<measure>)|折) | {1}{2:y}
dialled          | (?:(?<=拨打)|(?<=致电)|(?<=呼叫)|(?<=拨))(\d{3,12})(?!\d) | {1:y}
service          | (?<![\d.])(110|119|120|122)(?=\s?[,和或与及]\s?(?:110|119|120|122)(?!\d|\.\d|(?:<measure>)|[折两各])) | {1:y}
service          | (?:(?<=幺幺[零九四])|(?<=幺二[零二]))((?:,|和|或者?|与|及|跟|还是)\s?)(<service>)(?!\d|\.\d|(?:<measure>)|折) | {1}{2:y}
service          | (?<![\d.])(<service>)(?=火警|匪警|报警|急救|救护|热线|客服|电话|平台|中心|投诉|查号|指挥|接警|警|政务|购票|订票|短信|网站|官网|来电) | {1:y}
code             | ((?:<code>)(?:号|号码)?\s?(?:为|是|:|:\s)[A-Za-z]*-?)(\d+)([A-Za-z]?)(?!\d|\.\d) | {1}{2:y}{3}
code             | ((?:<code>)(?:号|号码)?\s?[A-Za-z]*-?)(\d{3,})(?!\d|[.,]\d|(?:<measure>)|[多余几万亿]) | {1}{2:y}
code             | ((?:<code>)\s?[A-Za-z]*-?)(0\d+)(?!\d|\.\d) | {1}{2:y}
bus or train     | (?<![\d.A-Za-z])(\d{3,4})(?=路(?!口|程|费)|次列车|次航班|次快车|次特快|国道|省道|专线|航班|县道) | {1:y}
aircraft         | (?:(?<=波音)|(?<=空客))(\d{3})(?!\d) | {1:d}
room             | (?<![\d.])(\d{3,4})(?=<room>) | {1:y}
room             | (?<=[楼栋座幢单元])(\d{3,4})(?!\d|[.,]\d|(?:<measure>)|[多余几万亿年%号]) | {1:y}
name             | (?<![\d.])(985|211)(?=[高院名大工毕学双,/和与]|$)|(?<![\d.])(996|007|955)(?!\d|[个元块人年米]) | {0:d}
name             | (?<![\d.])(301|302|303|309)(?=医院)|(?<![\d.])(\d{3})(?=中学|小学|高校|工作制|艺术区|所(?!有)|胶水|研究所|部队|浏览器|错误|页面|工程|基地|厂) | {0:d}
name             | (?<![\d.])(360)(?=浏览器|安全|公司|杀毒|手机|搜索)|(?<![\d.])(12306|10086|10010|10000(?=号)|95588|1314|520)(?!\d|(?:元|块|人|个|米|克|万|年|公里|天|名|次|件|套|,\d)) | {0:y}
shopping day     | (?<=双)(\d{2})(?!\d) | {1:n}
letters and number | (?<=[A-Za-z])-?(\d{3,}|0\d+)(?!\d|\.\d|,\d{3}|°) | {1:y}
letters and number | (?<=[A-Za-z])-?(<n>)(?=[层楼座区口号栋室门]) | {1:n}
resolution       | (?<![\d.])(\d{3,4})(?=[Pp](?![A-Za-z])) | {1:d}
# Floors and fractions.
floor            | (?:(?<![\d一-龥])|(?<=[在住到于至]))-(\d+)(?=[层楼]) | 负{1:n}
floor            | (?<=[在住到于至负第上下从去])(\d+)(?=层(?!楼高|的楼)) | {1:n}
height or price  | (?<![\d.])(\d{1,3})(米|块)(\d{1,2})(?!\d|[.米毛厘分毫元个折年月日号点只条]) | {1:p}{2}{3:d}
score of         | (\d+\.\d+)/(<n>)(?![\d/]) | {1:n}分,满分{2:n}分
fraction         | (?<![\d.])(\d+)\s+(\d+)/(\d+)\s?(?![\d/]) | {1:n}又{3:n}分之{2:n}
fraction         | (?<![\d.])(\d+)/(\d+)\s?(?![\d/]) | {2:n}分之{1:n}
version          | \d+(?:\.\d+){2,} | version
# Ranges and quantities.
ordinals         | 第(<n>)<to>第?(<n>) | 第{1:n}到第{2:n}
range            | (?<![A-Za-z\d.\-])(<n>)<to>(<n>)(?=[月日号楼级路中]) | {1:n}到{2:n}
range            | (?<![A-Za-z\d.\-])(<n>)<to>(<n>)(?=\s?(?:<measure>|[万亿千百块]|<unit>)) | {1:p}到{2:n}
range            | (<n>)\s?~\s?(<n>) | {1:n}到{2:n}
range            | (<n>)\s?(<unit>)<to>(<n>)\s?(<unit>)(?![A-Za-z/]) | {1:p}{2:u}到{3:p}{4:u}
about            | 约?~\s?(?=\d) | 约
quantity         | (-?)(<n>)\s?(<unit>)(?![A-Za-z/]) | {1:-}{2:p}{3:u}
ordinal          | (?<=第)(<n>) | {1:n}
weight           | (?<![\d.])(\d+)(?=两(?![三个位名种千万])) | {1:n}
counted          | (?<![\d.])(<n>)((?:多|余|来|几)?(?:<measure>|[万亿千百])) | {1:p}{2}
# Arithmetic.
comparison       | [!]= | 不等于
comparison       | >= | 大于等于
comparison       | <= | 小于等于
comparison       | == | 等于
power            | (?<=[\dA-Za-z])\^2(?!\d) | 的平方
power            | (?<=[\dA-Za-z])\^3(?!\d) | 的立方
power            | (?<=[\dA-Za-z])\^(\d+) | 的{1:n}次方
times            | (?<=\d)\s?[*×x]\s?(?=\d) | 乘
minus            | (?<=\d)\s?-\s?(?=\d) | 减
negative         | (?<![A-Za-z\d])-(<n>) | 负{1:n}
letter and number | (?<=[A-Za-z])-(?=\d) | -
long number      | (?<!\d)\d{11,}(?!\d|,\d|\.\d) | {0:y}
number           | <n> | {0:n}
# Signs.
Greek            | [<greek>] | {0:u}
sign             | [<symbol>] | {0:u}
hyphen           | (?<=[A-Za-z])-(?=[\u3400-\u9fff]) | -
span             | (?<=[半整分日号])\s?[\-—]\s?(?=[上下中早晚凌明后次]) | 到
middle dot       | · | -
tilde            | ~+ | …
list comma       | (?<=[\u3400-\u9fff]), (?=[\u3400-\u9fff]) | ,
"""
