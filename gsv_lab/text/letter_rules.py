"""Letter-to-sound rules for English words that no dictionary knows.

Rules are tried in order at each letter; the first whose contexts fit wins and its letters are consumed. A rule is
`left(letters)right=phones` with dots between phones; in the contexts `^` stands for a word edge, `V` for a vowel letter
(a e i o u y), `C` for a consonant letter and `E` for e, i or y; anything else is itself. Vowels come without stress;
`stress` puts it on afterwards by the usual habits of English (heavy endings pull it, prefixes repel it).
"""

from __future__ import annotations

import re
from functools import cache

from gsv_lab.text.symbols import EN_VOWELS

_RULES = """
(augh)t=AO (augh)=AE.F (aigh)=EY (ai)r=EH (ai)=EY (ay)=EY (au)=AO (aw)=AO ^(a)^=AH (a)rr=AE w(ar)C=AO.R w(ar)^=AO.R
(a)rE=EH (ar)^=AA.R (a)r=AA w(a)t=AA w(a)s=AA w(a)n=AA (a)lk=AO (a)ll^=AO (a)lt=AO (a)ge^=IH CVC(a)cE=AH (a)tion=EY
(a)tE=EY (a)bl=EY (a)CE=EY (a)CCE=AE (a)^=AH (a)l^=AH (a)lly=AH (a)nce^=AH (a)nt^=AH (a)n^=AH (a)CV=EY (a)=AE
(bb)=B m(b)^= (b)=B
(cch)=K (ch)r=K
^(sch)=SH
(tch)=CH
(ch)=CH (cc)E=K.S (cc)=K (ck)=K (cia)=SH.AH (ciou)=SH.AH (c)E=S (c)=K
(dd)=D (dg)E=JH (d)=D
(eau)=OW (ear)C=ER (ear)^=IH.R (ea)d^=EH (ea)th=EH (ea)=IY (eer)=IH.R (ee)=IY (eigh)=EY (ei)=IY (eu)r=Y.UH (eu)=UW
(ew)=UW (ey)^=IY (ey)=EY (er)^=ER (er)C=ER (e)rE=IH (e)rr=EH V(ed)^=D t(ed)^=AH.D d(ed)^=AH.D CC(es)^=Z s(es)^=AH.Z
z(es)^=AH.Z ch(es)^=AH.Z sh(es)^=AH.Z c(es)^=AH.Z g(es)^=AH.Z (es)^=Z p(ed)^=T k(ed)^=T f(ed)^=T ss(ed)^=T sh(ed)^=T
ch(ed)^=T (ed)^=D ^C(e)^=IY ^CC(e)^=IY (e)^= (e)ly^= (e)ness^= (e)ment^= (e)ful^= (e)less^= (e)CV=EH (e)nt^=AH
(e)nce^=AH (e)l^=AH (e)n^=AH (e)=EH
(ff)=F (f)=F
(gg)=G ^(gn)=N (gn)^=N (ght)=T ^(gh)=G (gh)= (gu)E=G ^(ge)t=G.EH (g)E=JH (g)=G
^(wh)o=HH
^(h)=HH V(h)V=HH V(h)C= V(h)^= (h)=HH
(igh)=AY (ign)^=AY.N (ire)=AY.ER (ing)^=IH.NG (ie)^=IY (ies)^=IY.Z (ied)^=IY.D (ier)^=IY.ER (iest)^=IY.AH.S.T (ie)=IY
(io)us=IY.AH (ir)=ER (i)sm^=IH (i)nd^=AY (i)ld^=AY (i)ze=AY (i)se^=AY (i)Ce^=AY (i)Ced^=AY (i)Cing^=AY ^(i)C^=IH
(ique)=IY.K (i)V=IY (i)^=IY (i)=IH
(j)=JH
^(kn)=N (kk)=K (k)=K
(ll)=L C(le)^=AH.L C(les)^=AH.L.Z C(led)^=AH.L.D (l)=L
(mm)=M (m)=M
(nn)=N (ng)^=NG (ng)l=NG.G (ng)C=NG (n)k=NG (n)x=NG (n)=N
(oar)=AO.R (oa)=OW (oe)^=OW (oi)=OY (oo)k=UH (oor)=AO.R (oo)=UW (ough)t=AO (ough)=OW (ould)=UH.D (our)^=AO.R
(ous)^=AH.S (ously)^=AH.S.L.IY (ousness)^=AH.S.N.AH.S (ound)=AW.N.D (ou)=AW (ow)^=OW (ow)n^=AW (ow)=OW (oy)=OY
w(or)=ER (or)^=ER (o)r=AO (old)=OW.L.D (on)^=AH.N (ons)^=AH.N.Z (om)^=AH.M (o)^=OW (o)ss=AO (o)ng=AO (o)CE=OW (o)CV=OW
(o)=AA
^(ps)=S (ph)=F (pp)=P (p)=P
(que)^=K (qu)=K.W (q)=K
(rrh)=R ^(rh)=R (rr)=R (r)=R
(ssion)=SH.AH.N (sch)=S.K (sc)E=S (ssure)=SH.ER (sh)=SH V(sion)=ZH.AH.N C(sion)=SH.AH.N V(sure)=ZH.ER (ss)=S
(sm)^=Z.AH.M V(s)V=Z k(s)^=S p(s)^=S t(s)^=S f(s)^=S c(s)^=S u(s)^=S i(s)^=S (s)^=Z (s)=S
(tion)=SH.AH.N (tia)=SH.AH (tious)=SH.AH.S (ture)=CH.ER s(t)le= s(t)en= (tth)=TH (th)er=DH V(the)^=DH (th)=TH (tt)=T
(t)=T
^(un)C=AH.N ^(u)n=Y.UW ^(u)s=Y.UW (ure)^=Y.ER (ur)C=ER (ur)^=ER (u)r=Y.UH (ui)=UW (ue)^=UW g(u)V=W r(u)CV=UW l(u)CV=UW
j(u)CV=UW (u)CE=Y.UW (u)CV=Y.UW (u)^=UW (uy)=AY (u)=AH
(v)=V
^(wr)=R (wh)=W V(w)C= (w)=W
^(x)=Z (x)=K.S
^(y)V=Y V(y)V=Y ^C(y)^=AY ^CC(y)^=AY (yr)C=ER C(y)^=IY (y)Ce=AY (y)=IH
(zz)=Z (z)=Z
"""

_CLASSES = {"^": "#", "V": "[aeiouy]", "C": "[bcdfghjklmnpqrstvwxz]", "E": "[eiy]"}
_PULLS_TO_LAST = ("ee", "eer", "ette", "esque", "ique", "oon")
_PULLS_BEFORE = re.compile(
    "(tions?|sions?|ic|ics|ical|ically|ity|ities|ian|ians|ious|iously|ial|ially|ience|graphy|logy)$"
)
_PREFIX = re.compile(r"^(un|re|de|dis|mis|in|im|be|en|em|ex|con|com|pre|a(?=[bcdfglmnprst][^aeiou]))")
_SILENT_STRESS_SUFFIX = re.compile(r"(ness|less|ful|fully|ly|ment|ments|ing|ings|ed|er|ers|est|es|s)$")


@cache
def _compiled() -> dict[str, list[tuple[re.Pattern[str], int, tuple[str, ...]]]]:
    table: dict[str, list[tuple[re.Pattern[str], int, tuple[str, ...]]]] = {}
    for rule in _RULES.split():
        pattern, phones = rule.split("=")
        left, rest = pattern.split("(")
        letters, right = rest.split(")")
        left, right = ("".join(_CLASSES.get(c, c) for c in side) for side in (left, right))
        lookbehind = f"(?<={left})" if left else ""
        compiled = re.compile(f"{lookbehind}{letters}(?={right})")
        table.setdefault(letters[0], []).append((compiled, len(letters), tuple(phones.split(".") if phones else ())))
    return table


def letters_to_phones(word: str) -> tuple[str, ...]:
    """ARPAbet phones with stress for any word in the letters a to z; other characters are skipped.

    >>> letters_to_phones("blick")
    ('B', 'L', 'IH1', 'K')
    """
    padded = f"#{''.join(c for c in word.lower() if 'a' <= c <= 'z')}#"
    phones: list[str] = []
    position = 1
    while position < len(padded) - 1:
        for pattern, width, sounds in _compiled().get(padded[position], ()):
            if pattern.match(padded, position):
                phones.extend(sounds)
                position += width
                break
        else:
            position += 1
    return stress(tuple(phones), word.lower())


def stress(phones: tuple[str, ...], word: str) -> tuple[str, ...]:
    """Puts primary stress on one vowel, none on the others, by the ending and the prefix of the spelling."""
    vowels = [i for i, name in enumerate(phones) if name in EN_VOWELS]
    if not vowels:
        return phones
    chosen = 0
    if word.endswith(_PULLS_TO_LAST):
        chosen = len(vowels) - 1
    elif _PULLS_BEFORE.search(word):
        heavy = 3 if re.search(r"(ity|ities|ical|ically|graphy|logy|ience)$", word) else 2
        chosen = max(len(vowels) - heavy, 0)
    elif len(vowels) > 1 and _PREFIX.match(word) and len(_SILENT_STRESS_SUFFIX.sub("", word)) > 4:
        chosen = 1
    return tuple(f"{name}{int(vowels.index(i) == chosen)}" if i in vowels else name for i, name in enumerate(phones))
