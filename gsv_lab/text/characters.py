"""Tables of characters: which the clean-up removes, refuses or rewrites. `clean.py` reads them.

Sources: the Unicode Character Database, and what the front ends can read.
"""

from __future__ import annotations

from gsv_lab.text.kinds_zh import pairs

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
"""Chinese ideographs, as the inside of a character class of a regular expression."""
REMOVED = "\u00ad\u0300-\u036f\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef"
"""What has no width or changes the look of another character, as the inside of a character class."""
SILENT = frozenset('"“”„‟«»‹›「」『』《》〈〉【】〔〕｢｣·・•‧')
OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
"""What turns the direction of reading."""

_ONE_FOR_SEVERAL = pairs("""
':‘’‚‛ʼ`´＇′ -:‐‑‒−﹣－ —:–—―⸺─ ~:～〜∼ ,:，、﹐﹑،→⇒ ;:；﹔؛ .:۔।。． !:！ ?:？؟ …:…⋯‥ _:¿¡ °:°º ¥:¥￥
""")
REWRITTEN = {each: sign.replace("_", " ") for sign, several in _ONE_FOR_SEVERAL.items() for each in several}
REWRITTEN |= (
    {sign: sign for sign in "×÷±√≈≠≤≥″‰々〇€£¢₹₩₽"} | dict.fromkeys("：﹕∶", ":") | {"\u2044": "/", "™": "", "®": ""}
)
REWRITTEN |= pairs("""
㎡:m^2 ㎥:m^3 ㎠:cm^2 ㎤:cm^3 ㎢:km^2 ²:^2 ³:^3 ¹:^1 ℃:°C ℉:°F ©:_copyright_ №:No._ ß:ss æ:ae Æ:Ae œ:oe Œ:Oe ø:o Ø:O
ł:l Ł:L đ:d Đ:D ð:th Ð:Th þ:th Þ:Th ı:i
""")
"""Character -> what is read for it."""
