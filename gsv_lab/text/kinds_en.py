r"""The kinds of English writing that are not words, and how each is read: one kind a row, in the order of their trial.

A row is `name | pattern | reading | source`. The pattern is a regular expression, in which `<unit>` and the like stand
for what `SHORTHAND` says. In the reading, `{1:cardinal}` is the first group of the pattern read by the reader
of that name, `{0}` the whole match as it stands, `_` a space at an edge, and `@money` a function that reads the match.
`{end}`, `{stop}` and `{halt}` are a full stop where the dot of an abbreviation also ends its sentence: at the end of
the text, there or before a word that begins sentences, there or before almost any capital. What a reading leaves as
digits, a later row reads: the order matters, for a date looks like a fraction and a fraction like a range.
The source is who lays the reading down; "usage" is what American dictionaries and style books agree on.
"""
# ruff: noqa: E501

from __future__ import annotations

import re
from collections.abc import Iterable

from gsv_lab.text import tables_en as words


def any_of(names: Iterable[str]) -> str:
    """A pattern of these words, the longest first."""
    return f"(?:{'|'.join(sorted(map(re.escape, names), key=len, reverse=True))})"


_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
SHORTHAND = {
    "number": _NUMBER,
    "operand": rf"(?:\(?(?:{_NUMBER}[a-z]?|[A-Za-z])(?:\^-?\d+)?%?\)?)",
    "path": r"[^\s,;!()\"<>]",
    "dash": r"\s?[\-—~]\s?",
    "half": r"\s?[aApP](?:\.\s?[mM]\b\.?|[mM]\b\.?)(?!\w)",
    "st": "(?:st|nd|rd|th|ST|ND|RD|TH)",
    "scale": rf"(?:\s(?:thousand|million|billion|trillion)\b|\s?{any_of(words.MAGNITUDE)}\b)",
    "not_waiting": "".join(rf"(?<!\b{word} )(?<!\b{word.title()} )" for word in words.WAITING),
    "not_placed": "".join(rf"(?<!\b{word} )(?<!\b{word.title()} )" for word in words.PLACES),
    "counts": rf"(?:{any_of(words.COUNTED_PEOPLE)}|(?!always|this|unless|as)[a-z]+s)",
    "unit": any_of(words.UNITS).replace(r"\ ", r"\.?\s"),
    "per": any_of(words.PER),
    "month": rf"(?:{any_of(words.MONTHS)}\b|{any_of(words.MONTH_SHORT)}\b\.?)",
    "short_month": any_of(name for name in words.MONTH_SHORT if name != "May"),
    "day": any_of([*words.DAYS, *words.DAYS.values()]),
    "file": any_of([*words.FILE_ENDINGS, *map(str.upper, words.FILE_ENDINGS)]),
    "programming": any_of(words.PROGRAMMING),
    "slashed": any_of(words.SLASHED),
    "numbered": any_of(words.NUMBERED),
    "numbered_dot": any_of(words.NUMBERED_WITH_DOT),
    "street": any_of(words.STREETS),
    "title": any_of(words.TITLES),
    "title_free": any_of(words.TITLES_WITHOUT_DOT),
    "short": any_of(words.SHORT_FORMS),
    "short_word": any_of(words.SHORT_WORDS),
    "starter": any_of(words.STARTERS),
    "currency": any_of(words.CURRENCY_CODES),
    "counted": any_of(words.COUNTED),
    "bible": f"(?:{'|'.join(words.BIBLE)})",
    "greek": "".join(words.GREEK) + "".join(words.GREEK).upper(),
    "symbol": re.escape("".join(words.SYMBOLS)),
}
"""What the names between < and > in a pattern stand for."""

ADDRESSES = r"""
e-mail address   | \b[\w.+\-]{1,64}@[A-Za-z\d\-]+(?:\.[A-Za-z\d\-]+)+\b                         | {0:address} | RFC 5322
web address      | \b(?:https?://|www\.)<path>+                                                  | {0:address} | RFC 3986
host name        | (?<![\w.\-])[A-Za-z\d\-]{1,63}(?:\.[A-Za-z\d\-]{1,63}){0,4}\.(?:com|org|net|edu|gov|io|dev|ai|info|uk|de|cn|fr|jp)(?:/<path>*)?(?![\w@]) | {0:address} | RFC 1123
IP address       | (?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)            | {1:cardinal} dot {2:cardinal} dot {3:cardinal} dot {4:cardinal} | RFC 791
file name        | (?<![\w.\-])(?![A-Z]\.[A-Z]\b)([A-Za-z_][\w\-]{0,80}(?:\.[\w\-]{1,80}){0,4}?)\.(<file>)\b(?![\w\-]|\.\w)               | {1:address} dot {2:file} | usage
file ending      | (?<![\w.)])\.(<file>|[a-z]{3,})\b(?!\.\w)                                   | dot {1:file} | usage
arrow            | \s*[\-—=]+>\s*                                                                | ,_ | usage
programming sign | (?<![=<>!+\-*&:])\s?(<programming>)(?![=<>+*&:])                              | _{1:programming}_ | Python, C
sharp            | \b([A-G])#(m?)(?!\w)                                                          | {1} sharp{2:minor} | usage
hash tag         | \#(?=[^\W\d])(\w+)                                                            | hashtag {1:hashtag} | usage
number sign      | \#\s?(?=\d)                                                                   | _number_ | usage
"""

ABBREVIATIONS = r"""
with             | (?<![\w/])w/(?=\s?[A-Za-z\d])(?!e\b|in\b|o\b|out\b)                               | with_ | usage
slash idiom      | (?i)(?<![\w/.])(<slashed>)(?![\w/]|\.\d)                                      | {1:slashed} | usage
slash pair       | (?<![\w/.])(50/50|[1-9]0/[1-9]0|[1-9]5/[1-9]5)(?![\w/%]|\.\d)                 | @shares | usage
time signature   | \b(\d{1,2})/(\d)(?=\s(?:time|beat|meter|signature|rhythm)\b)                  | {1:cardinal} {2:cardinal} | usage
for example      | (?i)\be\.\s?g\.,?                                                             | for example, | usage
that is          | (?i)\bi\.\s?e\.,?                                                             | that is, | usage
number           | (?<!said )(?<!say )(?<!says )\b[Nn]o\.\s?(?=\d)                               | number_ | usage
numbered         | (?i:\b(<numbered>)\b\.?)\s?\#?(\d+)([A-Z])\b                                | {1:numbered} {2:cardinal} {3} | usage
numbered         | (?:(?<!\d )(?<!\d)|(?=[Ee]xt))(?i:\b(<numbered>)\b\.?)\s?(?=[#(]?\d|[A-Z]\d*\b(?!')|[IVX]+\b) | {1:numbered}_ | usage
numbered         | (?i)\b(<numbered_dot>)\.\s?(?=\d)(?!no)                                       | {1:numbered_dot}_ | usage
degree           | \b(Ph|Ed|Psy|Pharm|Eng)\.?\s?D\b\.?                                           | {1:degree} D{stop} | usage
degree           | \b([BM])\.?(Sc|Ed|Eng|Phil|Com)\b\.?                                          | {1} {2:degree}{stop} | usage
house number     | (\b\d+[A-Z]?\s(?:[NSEW]\.?\s)?(?:[A-Z][a-z]+\s|\d+<st>\s){1,3})(<street>)\b\.?   | {1}{2:street}{stop} | usage
street           | \b(?!(?:In|At|To|The|From|And|Of|By|Near|For|With|Ask|Thanks|Dear|This|That|My|Our|Your|His|Her|Hi|Hello)\b)((?:[A-Z][a-z]+|\d+<st>)\s)(<street>)\b(?:\.(?=\s+[a-z\d(]|\s*[,;:!?)]|\s*$|\s+(?:The|He|She|It|We|They|I|There|This|That|But|And)\b)|(?=\s+[a-z\d(]|\s*[,;:!?)]|\s*$))  | {1}{2:street}{stop} | usage
title            | \b(<title_free>)\b\.?(?=\s+[A-Z])                                             | {1:title} | usage
title            | \b(<title>|<title_free>)\.(?=\s|,|$)                                          | {1:title}{end} | usage
weekday range    | \b(<day>)\b\.?<dash>(<day>)\b\.?                                              | {1:day} to {2:day}{halt} | usage
weekday list     | \b(<day>)\b\.?(/|,?\s(?:and|or|&)\s)(?=(?:<day>)\b)                           | {1:day}{2:and} | usage
weekday list     | (?<=day )(and |or |& )(<day>)\b\.?                                   | {1:and}{2:day}{halt} | usage
weekday          | \b(Mon|Tues?|Weds?|Thu(?:rs?)?|Fri)\b\.?                                      | {1:day}{halt} | usage
weekday          | (?<=\b[Oo]n )(Sat|Sun)\b\.?|\b(Sat|Sun)\b\.?(?=,?\s(?:\d|<month>)|,)|\b(Sat|Sun)\.(?=\s[a-z])|(?<=day, )(Sat|Sun)\b\.? | {0:day}{halt} | usage
short form       | (?<!\d)(?<!\d )(?i:\b(<short>))\.(?=[\s,;:!?)']|$)                                                | {1:short}{stop} | usage
short form       | (?<=\d )(?i:(vs|etc|al|approx|est|incl|excl|esp|doz))\.(?=[\s,;:!?)']|$)        | {1:short}{stop} | usage
short form       | (?<!\d)(?<!\d )(?i:\b(<short_word>))\.(?=\s[a-z\d])                                               | {1:short_word} | usage
world war        | \bWW(III|II|I|[123])\b                                                        | World War {1:roman} | usage
"""

NUMBERS_WITH_SIGNS = r"""
about            | (?<![\w~])~\s?(?=[$£€¥]?\d)                                                  | about_ | usage
arithmetic       | (?<![\w.,$£€/:\-])<operand>(?:\s?(?:[-+*×÷x/=<>≤≥≈≠])\s?[-+]?<operand>)+(?![\w/\-:]|[.,]\d) | @arithmetic | usage
chapter, verse   | \b(<bible>)\s(\d{1,3}):(\d{1,3})(?:<dash>(\d{1,3}))?(?![:\d])                 | {1} {2:cardinal} {3:cardinal}{4:to} | usage
ratio            | (?i)\b(ratios?|odds|scale|proportions?|aspect|score[ds]?|won|win|wins|beat|lost|lose|leads?|led|mixed|finished|ended|final|victory|defeat)\b((?:\s[a-z]+){0,4}\s)(\d+):(\d+)(?![\d:]|<half>) | {1}{2}{3:cardinal} to {4:cardinal} | usage
ratio            | (?<![\d:.])(<number>(?::<number>){1,2})(?=\s(?:ratios?|odds|scale|proportion|aspect|mix|split|majority|screen|display|video|picture|format|win|victory|lead|defeat|draw|loss|model|favou?rite)\b) | {1:ratio} | usage
ratio            | (?<![\d:.])(\d+\.\d+:\d+(?:\.\d+)?|\d+:\d+\.\d+|\d+:\d(?!\d)(?::\d)?|\d+:\d{3,}|\d{3,}:\d+)(?![\d:]|<half>) | {1:ratio} | usage
time range       | (?<![\w:.])(\d{1,2}(?::\d\d)?(?:<half>)?)<dash>(?=\d{1,2}(?::\d\d)?<half>|\d{1,2}:\d\d(?!\d)) | {1} to_ | ISO 8601
time range       | (?<=[mM.])<dash>(?=(?:noon|midnight)\b)|(?<=\bnoon)<dash>(?=\d)|(?<=\bmidnight)<dash>(?=\d) | _to_ | usage
time             | (?<![\d:.])(\d{1,2}):(\d\d)(?::(\d\d))?(<half>)?(?![\d:])                     | @time | ISO 8601
time             | (?<![\d:.])(\d{1,2})(<half>)                                                  | {1:cardinal} {2:half}{halt} | usage
initials         | (?<![\w.])((?:[A-Za-z]\.){2,20})(s?)(?![A-Za-z])                                            | {1:letters}{2}{stop} | usage
initial          | (?<![A-Z] )\b([A-Z])\.(?=\s?[A-Z](?:\.|[a-z]))(?!\s(?:<starter>)\b)                      | {1} | usage
date             | (?<![\d\-/.])(\d{4})([\-/.])(\d{1,2})\2(\d{1,2})(?![\d\-/])(?!\.\d)           | @date | ISO 8601
date             | (?<![\d\-/.])(\d{1,2})([\-/.])(\d{1,2})\2(\d{4}|\d\d)(?![\d\-/])(?!\.\d)      | @date | usage
date             | (?<=\b[Oo]n )(0?[1-9]|1[0-2])/([0-2]?\d|3[01])(?![/\w]|\s(?:of|cup|inch))         | {1:month_number} {2:ordinal_day} | usage
date range       | \b(<month>)\s+(\d{1,2})(?:<st>)?<dash>(\d{1,2})(?:<st>)?(?![\d:])(?:,?\s+(\d{4})\b)? | {1:month} {2:ordinal} to {3:ordinal}{4:comma_year} | usage
date range       | (?<![\d.])([Tt]he\s+)?(\d{1,2})(?:<st>)?<dash>(\d{1,2})(?:<st>)?(?:\s+of)?\s+(<month>)(?:,?\s+(\d{4})\b)? | {1:the} {2:ordinal} to the {3:ordinal} of {4:month}{5:comma_year} | usage
month range      | \b(<month>(?:\s\d{1,2}(?:<st>)?)?(?:,?\s\d{4})?)<dash>(?=<month>)           | {1:month_day} to_ | usage
date             | \b(<month>)\s+(\d{1,2})(?:<st>)?(?:,?\s+(\d{4}))?(?![\w:]|\.\d|,\d)           | {1:month} {2:ordinal}{3:comma_year} | usage
date             | \b(the|The|THE)\s+(\d{1,2})(?:<st>)?(?:\s+(?:of|OF))?\s+(<month>)(?:,?\s+(\d{4})\b)? | {1} {2:ordinal} of {3:month}{4:comma_year} | usage
date             | (?<![\d.,$£€])\b(\d{1,2})(?:<st>)?(?:\s+of)?\s+(<month>)(?:,?\s+(\d{4})\b)? | the {1:ordinal} of {2:month}{3:comma_year} | usage
month            | \b(<short_month>)\.(?=[\s,;:!?)']|$)                                          | {1:month}{halt} | usage
month            | \b(Feb|Aug|Sept|Oct|Nov|Dec)\b(?!')|\b(?:Jan|Mar|Apr|Jun|Jul|Sep)(?=\s\d)|(?<=[a-z] to )(?:Jan|Mar|Apr|Jun|Jul|Sep)\b         | {0:month} | usage
decade           | (?<![\w$£€¥'])(\d{3}0)'?s<dash>'?(?=\d0'?s\b)                                 | {1:decade} to_ | usage
decade           | (?<![\w$£€¥'])(\d{3}0)'?s\b                                                   | {1:decade} | usage
decade           | (?<!\w)'(\d0)'?s\b|(?<![\w$.,/:])([2-9]0)'s\b                                 | {0:decade} | usage
seconds          | (?<![\w$.,/:])(\d+)s(?=\s(?:timeout|delay|interval|countdown|timer|rest|pause|clip|video|ad|limit|window|exposure)\b) | {1:number} second | usage
decade           | (?<![\w$.,/:])<not_waiting>([2-9]0)s\b(?!\s(?:timeout|delay|later|ago|interval|countdown|timer|rest|pause|clip|video|ad|apart|each|long|left|max)\b) | {1:decade} | usage
year             | (?<![\w'])'(\d\d)(?![\w'″]|\.\d)                                               | {1:short_year} | usage
plural           | (?<![\w$.,/:])(\d+)s(?=\s(?:and|or)\s\d+s\b)|(?<=\ds and )(\d+)s\b|(?<=\ds or )(\d+)s\b          | {0:plural} | usage
degrees, minutes | (\d+)°\s?(\d+)'\s?(?:(\d+)(?:\.\d+)?(?:″|''))?                                | {1:number} degrees {2:number} minutes{3:seconds} | NIST SP 811
feet and inches  | (?<![\w.])(\d{1,2})'[\s-]?(\d{1,2}(?:\.\d)?)(?:″|'')?(?![\d'])                    | {1:number} foot {2:number} | usage
feet and inches  | (?<![\w.])(\d+)\s?(?:ft\.?|feet|foot|')\s?(\d+(?:\.\d+)?)\s?(?:in\b\.?|″|'')   | {1} ft {2:inches}{halt} | usage
inches           | (?<![\w.])((?:\d+\s)?\d+/\d+)[\s\-]?(?:″|'')                                  | {1} inch_ | usage
inches           | (?<![\w.])(<number>)\s?(?:″|'')(?=\s?(?:x\b|by\b|wide|long|tall|deep|high|thick|across|in\b|of\b|and\b|or\b|to\b|per\b|[.,;:!?)]|$)) | {1:inches} | usage
inches           | (?<![\w.])(<number>)[\s\-]?(?:″|'')                                           | {1:number} inch_ | usage
inches           | (?<![\w.])(<number>)\s?in(?:\.(?=\W|$)|\b(?=\s(?:wide|long|tall|deep|high|thick|across|in\sdiameter|x\s|by\s\d|of\s(?:rain|snow|fabric|wire|pipe|water|ice))|[,;:!?)]|\s*$)) | {1:inches}{halt} | NIST SP 811
feet             | (?<![\w.])(\d+)'\s?[x×]\s?(\d+)'                                             | {1} by {2} ft | usage
feet             | (?<![\w.])(<number>)'(?=\s(?:tall|long|wide|high|deep|by)\b|\s?x\s?\d)         | {1} ft | usage
feet             | (?<=\b[Aa] )(<number>)'(?=\s[a-z])                                             | {1} foot | usage
feet             | (?<![\w.])(<number>)'-(?=[a-z])                                                | {1} foot_ | usage
feet             | \A((?:[^']|(?<=[A-Za-z])'(?=[A-Za-z]))*(?<![\w.,'])(?<!of )\d+)'(?=\s(?!')|[.,;:!?)]|\Z) | {1} ft | usage
"""

MONEY_AND_MEASURES = r"""
money range      | ([$£€¥₹])\s?(<number>)(<scale>)?<dash>\1?\s?(?=\d)                                      | {2:number}{3:scale} to {1} | usage
per              | (?:(?<=[\d%€£¥])|(?<=\d[kKmMbB]))\s?/\s?(<per>)\b(?![/\w])                                      | _per {1:per}_ | usage
per              | (?<=[a-z])(?<!day)(?<!month)(?<!week)(?<!night)(?<!hour)\s?/\s?(second|minute|hour|day|week|month|year|person|capita|cent)\b(?![/\w]) | _per {1} | usage
per              | (?:(?<=dollars)|(?<=euros)|(?<=pounds)|(?<=cents)|(?<=yuan))\s?/\s?(<per>)\b      | _per {1:per} | usage
per              | (?<=\bper )(lb|oz|kg|hr|min|sec|mo|yr|wk|km|gal|sq ft|sqft|kWh|GB|mi|ft)\b\.?    | {1:per}{halt} | usage
per              | (?<![\w/])(km|m|mi|ft|mg|g|kg|MB|GB)/(h|hr|s|min|L|l|kg|day)(?![\w/])           | {1:units} per {2:per} | NIST SP 811
money            | (?<![A-Za-z])(-?)(US|HK|NZ|A|C)?([$£€¥₹₩₽])\s?(<number>)(<scale>)?             | @money | ISO 4217
money            | (?<![\w.])(-?<number>)(<scale>)?\s?([€£¥])                                     | {1:number}{2:scale} {3:coins} | ISO 4217
money            | \bRs\b\.?\s?(<number>\s(?:lakh|crore)s?)\b                                       | {1} rupees | usage
money            | \bRs\b\.?\s?(<number>)(<scale>)?(?![\w.]*\d)                                   | {1:number}{2:scale} rupees | usage
code             | \b((?i:zip|pin|postal|area)(?:\s[Cc]ode)?|[Pp]asscode|[Pp]assword)(:?\s(?:is\s)?)(\d{3,10})(?![\w%]|[.,]\d|\s<counts>\b) | {1}{2}{3:digits} | usage
money            | \b(<currency>)\s?(<number>)(<scale>)?(?![\w.]*\d)                              | {2:number}{3:scale} {1:currency} | ISO 4217
money            | (?<![\w.])(<number>)(<scale>)?\s?(<currency>)\b                                | {1:number}{2:scale} {3:currency} | ISO 4217
telephone        | (?<![\w.,\-/])(?:\+?\d{1,3}[ .\-])?\(\d{2,4}\)[ .\-]?\d{3,4}[ .\-]?\d{4}\b     | {0:telephone} | ITU E.123
telephone        | (?<![\w])\+\d[\d .\-()]{6,20}\d\b                                              | {0:telephone} | ITU E.123
telephone        | (?<![\w.,\-/$£€])(?:1[ .\-])?\d{3}([ .\-])\d{3}\1\d{4}(?![\w\-]|[.,]\d)        | {0:telephone} | NANP
telephone        | (?<![\w.,\-/$£€])\d{3}-\d{4}(?![\w\-]|[.,]\d)|(?<![\w.,\-/$£€])0\d{2,4}[ \-]\d{3,4}[ \-]?\d{3,4}(?![\w\-]) | {0:telephone} | ITU E.123
telephone        | (?<![\w.,\-/$£€])(1-8\d\d)-([A-Z]{4,9}|[A-Z]{3}-[A-Z]{4})\b                     | {1:telephone}, {2} | NANP
telephone        | (?i)\b(tel|fax|phone|telephone|mobile|cell|call|ring|dial)((?:\s(?:number|is|me|us|at|on|no)){0,3}[:.]?\s)(\d{3}[ .\-]\d{4})(?![\w\-]|[.,]\d) | {1}{2}{3:telephone} | NANP
emergency number | (?<![\w\-])9-1-1(?![\w\-])                                                      | nine one one | NANP
emergency number | \b(Porsche )911\b                                                             | {1}nine eleven | usage
emergency number | (?<![\w.,$£€#\-:/])911(?![\w%:/\-]|[.,]\d|\s(?:people|men|women|dollars|miles|pages|years|days)\b) | nine one one | NANP
emergency number | (?<![\w.,$£€#\-:/])(112|999|988|110|119|000|111)(?=\s(?:call|calls|operator|dispatcher|emergency|hotline|number)\b) | {1:digits} | ITU E.161
emergency number | (?i)\b(call|calls|called|calling|dial|dials|dialed|dialled|dialing|phone|phoned|ring|rang|text|texted|telephone)\b((?:\s(?:the|number|emergency|us|at|on|me|up|or|and|either|extension)){0,3}\s)(\d{3,12})(?![\w%:/\-]|[.,]\d|\s<counts>\b) | {1}{2}{3:digits} | ITU E.161
emergency number | (?i)(?<=one |two |ine |ght )(or|and)(\s)(112|999|988|110|119)(?![\w%:/\-]|[.,]\d|\s[a-z]) | {1} {3:digits} | ITU E.161
rating           | (?<![\w/.])(\d+\.\d+)/(\d+)(?![\w/])                                           | {1:number} out of {2:number} | usage
rating           | (?i)\b(rat(?:e|es|ed|ing)|scor(?:e|es|ed|ing)|gave|gives?|grades?|marks?|got|gets?|reviews?|earned|received)\b((?:\s[a-z]+){0,4}:?\s)(\d+)/(\d+)(?![\w/]|\sof\b) | {1}{2}{3:number} out of {4:number} | usage
rating           | (?<![\w/.])(\d+)/(\d+)(?=\s(?:stars?|points?|marks|rating|score|people|students|users|votes|correct|reviews?|respondents|times)\b) | {1:number} out of {2:number} | usage
rating           | (?<![\w/.])([2-9]|10)/10(?![\w/]|\sof\b)|(?<![\w/.])(5/5|100/100|[1-9]\d/100)(?![\w/]|\sof\b) | {0:rating} | usage
measured fraction | (?<![\w./\-])(\d+\s\d+/\d+)[\s\-]?(?!in\b(?!\.))(<unit>)(?![\w°/])\.?     | {1} {2:units}{halt} | NIST SP 811
measured fraction | (?<![\w./\-])(\d+/\d+)[\s\-]?(?!in\b(?!\.))(<unit>)(?![\w°/])\.?        | {1} {2:unit}{halt} | NIST SP 811
measured range   | (?<![\w.\-])(-?<number>)(?:\s?(<unit>))<dash>(-?<number>)\s?(?=\2(?![\w°/]))   | {1:number} to {3} | NIST SP 811
measured range   | (?<![\w.\-/])(-?<number>)\s?[\-—~]\s?(?=<number>\s?(?:<unit>)(?![\w°]))        | {1:number} to_ | NIST SP 811
measured range   | (?<![\w.\-/])(<number>)<dash>(?=<number>\s?(?:thousand|million|billion|percent)\b) | {1:number} to_ | usage
measure          | (?<![\w.\-])(<number>)-(<unit>)\b\.?(?=\s[a-z])                                | {1:number} {2:unit} | NIST SP 811
measure          | (?<![\w.\-])(-?)(<number>)\s?(<unit>)(\^?[23](?!\d))?(?:/(<unit>)(\^?[23](?!\d))?)?(?:(?<=[A-Za-z])\.(?=\s|$|,))?(?![\w°/]) | @measure | NIST SP 811
times            | (?<![\w.])(<number>)-(<number>)x(?!\w)                                           | {1:number} to {2:number} times | usage
times            | (?<![\w.])(<number>)x(?=\s(?!plus|minus|equals|times|is\b|divided)[a-z]|[.,;!?]|\s*$)                                   | {1:number} times | usage
magnitude        | (?<![\w.])<not_placed>(<number>)(k|M|bn|mn|B)\b(?!')                                        | {1:number}{2:scale} | usage
"""

NUMBERS = r"""
version          | \b[vV]\.?(?=\d+\.\d)                                                          | version_ | semver
version          | (?<![\d.])(\d+(?:\.\d+){2,})                                                   | _{1:points}_ | semver
mixed fraction   | \b(\d+)\s(\d+)/(\d+)\b                                                         | @mixed_fraction | usage
division         | (?<=\d)\s/\s(?=\d)                                                             | _divided by_ | usage
fraction         | \b(\d+)/(\d+)\b(?!/)                                                           | @fraction | usage
minus            | (?<![\w.])(<number>)\s-\s(<number>)(?![\w\-])(?=\s|[.,;:!?)]|$)                | {1:number} minus {2:number} | usage
range            | (?<![\w.])(<number>)\s?[\-~]\s?(<number>)(?![\w\-])(?=\s|[.,;:!?)]|$)          | @range | usage
ordinal          | \b(\d{1,3}(?:,\d{3})+|\d+)(?:<st>)\b                                           | {1:ordinal} | usage
Roman numerals   | (?i:\b(<counted>)s?)\s([IVXL]+(?:(?:,\s|\s(?:and|to|or)\s|,\sand\s|<dash>)[IVXL]+)+)\b | @roman_list | usage
Roman numeral    | ((?:\b(?:[A-Z][a-z]+\s)?\b[A-Z][A-Za-z]+|(?i:\b(?:<counted>)))) ([IVXLCDM]+)\b(?!'(?!s\b)|\.\w)    | @roman | usage
by               | (?<=\d)\s?x\s?(?=\d)                                                           | _by_ | usage
square           | (?<=[A-Za-z\d])\s*\^2\b                                                        | _squared | usage
cube             | (?<=[A-Za-z\d])\^3\b                                                           | _cubed | usage
power            | (?<=[A-Za-z\d])\s?\^\s?(?=-?[A-Za-z\d])                                                | _to the power of_ | usage
minus            | (?<!\w)([A-F])-(?=\s|[.,;:!?)]|$)                                                | {1} minus | usage
letters and      | \b([A-Z]{1,3})\s?&\s?([A-Z]{1,2})(s?)\b(?![a-z])                               | {1:letters} and {2:letters}{3} | usage
slash            | (?<=\w)/(?=\w)                                                                 | _ | usage
slash            | /                                                                              | _slash_ | usage
signed number    | (?<![\w.])([+\-]<number>)                                                      | {1:number} | usage
hyphen           | (?<=[A-Za-z])-(?=\d)|(?<=\d)-(?=[A-Za-z])                                      | _ | usage
number           | (<number>)                                                                     | @plain_number | usage
Greek letter     | [<greek>]                                                                      | _{0:greek}_ | usage
symbol           | [<symbol>]                                                                     | _{0:symbol}_ | Unicode names
hyphen           | (?<=[A-Za-z])-(?=[A-Za-z])                                                     | _ | usage
space            | \s+(?=[,.!?…])                                                                 |  | usage
space            | \s{2,}                                                                         | _ | usage
"""

KINDS = "".join((ADDRESSES, ABBREVIATIONS, NUMBERS_WITH_SIGNS, MONEY_AND_MEASURES, NUMBERS))
