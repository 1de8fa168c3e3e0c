"""Lists of English words by which `pos.py` tells parts of speech. Only tables."""
# ruff: noqa: E501

from __future__ import annotations

from gsv_lab.text.tables_en import pairs

PARTS_OF_SPEECH = (
    "noun name verb adjective adverb pronoun determiner preposition conjunction auxiliary particle numeral "
    "interjection other punctuation"
)
SUFFIXES = pairs("""
adverb: ly; noun: tion sion ness ment ity ship hood ance ence ism ist dom;
adjective: ous ful less able ible ical ish ive ic al; verb: ize ise ify ed ing
""")
CLOSED = pairs("""
determiner: the a an this that these those my your his her its our their whose each every some any no all both another
such either neither which what;
pronoun: i you he she it we they me him us them myself yourself himself herself itself ourselves themselves who whom
someone anyone everyone something anything everything nothing nobody somebody everybody anybody one mine yours
hers ours theirs thou thee ye i'm i've i'll i'd you're you've you'll he's she's it's we're we've we'll they're
they've;
preposition: of in on at by for with from into onto upon about over under above below between among through during before
after against toward towards across behind beyond without within along around beside near off out up down past
since until till like than as per via;
conjunction: and or but nor so yet because although though while if unless whether when where why how;
auxiliary: am is are was were be been being have has had do does did will would shall should can could may might must
ought isn't aren't wasn't weren't haven't hasn't hadn't don't doesn't didn't won't wouldn't shan't shouldn't
can't cannot couldn't mightn't mustn't let's;
particle: to not n't;
adverb: very too also just only even still never ever always often sometimes here there now then again once twice
perhaps maybe rather quite almost soon already away back well please however therefore indeed;
numeral: zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion first
second third fourth fifth half;
interjection: oh ah hey hello hi yes yeah okay ok wow oops hmm goodbye bye alas hurrah
""")
"""Closed-class words by their part of speech."""
COMMON_VERBS = frozenset(
    """go goes went gone come comes came say says said see sees saw seen get gets got make makes made know knows knew
    think thinks thought take takes took give gives gave find found tell told ask asked look looked seem seemed feel
    felt leave left put keep kept begin began turn show hear heard let run ran bring brought stand stood lose lost
    pay paid meet met sit sat speak spoke spoken write wrote written eat ate drink drank sleep slept buy bought sell
    sold want wants need needs try tries walk walked wait stop open help play love hate believe understand remember""".split()
)
NOUNS = frozenset(
    """music traffic topic public logic fabric magic animal hospital capital journal festival signal metal arrival goal
    family thing morning evening building meeting bed red hundred seed need feed speed king ring wing string spring""".split()
)
"""Nouns that end like adjectives or verbs."""
ADJECTIVES = frozenset(
    """good bad new old young big small large little long short high low great own other same last next few many much
    more most early late hard soft hot cold warm cool rich poor full empty happy sad strong weak dark bright deep
    wide thin thick heavy quick slow fast sweet dear sure true false right wrong ready quiet loud strange white
    black green blue brown grey gray yellow whole better best worse worst older younger""".split()
)
OBJECTS = frozenset("""it them him her me us""".split())
NO_VERB_AFTER = frozenset("""is are was were be been am have has""".split())
SUBJECTS = frozenset("""i you he she it we they who""".split())
LEADS_TO_VERB = frozenset(
    """please kindly just then now and or but always never not don't first next finally also again simply quickly
    carefully let's so instead immediately later can't""".split()
)
"""Words before a command: please close the door."""
LETTING = frozenset("""let lets make makes made help helps helped have had see saw watch watched hear heard""".split())
"""Verbs before an object that does something: let me close the door."""
DOING = frozenset("""do does did can could will would should must may might shall""".split())
