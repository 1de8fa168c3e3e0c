"""Words of the English normaliser: abbreviations, units, money, symbols, and how each is read.

Only tables, and what follows from them; `kinds_en.py` says where each is looked up. A row `a: b` is written a and said
b. Sources: SI prefixes and units as in NIST SP 811, currencies as in ISO 4217, the rest as American dictionaries list it.
"""
# ruff: noqa: E501

from __future__ import annotations


def pairs(text: str) -> dict[str, str]:
    """`a: b; c: d` as a dictionary."""
    rows = (row.partition(": ") for row in text.replace("\n", " ").split(";"))
    return {key.strip(): value for key, _, value in rows if key.strip()}


PLACES = "gate seat room unit flat block suite hall level terminal row apartment building platform section class house bay dock".split()
"""Words before a number whose letter is no million or billion: "Flat 3B"."""
MONTHS = "January February March April May June July August September October November December".split()
MONTH_SHORT = {m[:3]: m for m in MONTHS} | {"Sept": "September"}
DAYS = {d[:3]: d for d in "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()}
DAYS |= {"Tues": "Tuesday", "Weds": "Wednesday", "Thur": "Thursday", "Thurs": "Thursday"}

# Said before a name; the second row also without its full stop.
TITLES = pairs("""
Gen: general; Col: colonel; Maj: major; Hon: honorable; Sen: senator; Gov: governor; Rep: representative;
Pres: president; Messrs: messers; Fr: father; Rev: reverend; Adm: admiral; Cpl: corporal; Cmdr: commander;
Pvt: private; Supt: superintendent; Mme: madame; Mlle: mademoiselle; Br: brother; Dir: director; Amb: ambassador
""")
TITLES_WITHOUT_DOT = pairs("""
Mr: mister; Mrs: missus; Ms: miz; Dr: doctor; Prof: professor; Capt: captain; Lt: lieutenant; Sgt: sergeant;
Mt: mount; Ft: fort; St: saint; Ste: saint
""")
STREETS = pairs("""
St: street; Dr: drive; Ave: avenue; Rd: road; Blvd: boulevard; Ln: lane; Ct: court; Pl: place; Sq: square;
Hwy: highway; Pkwy: parkway; Cir: circle; Ter: terrace; Expy: expressway; Tpke: turnpike; Trl: trail
""")
# Said before a number or a letter: "apt. 4C"; the second table only with its full stop and before a number.
NUMBERED = pairs("""
apt: apartment; ext: extension; fig: figure; figs: figures; sec: section; ch: chapter; chap: chapter; vol: volume;
vols: volumes; rm: room; bldg: building; ste: suite; eq: equation; para: paragraph; ver: version; hwy: highway; rte: route;
tbl: table; fn: footnote; blk: block; lvl: level
""")
NUMBERED_WITH_DOT = pairs("""
nos: numbers; nr: number; art: article; pt: part; ref: reference; tab: table; app: appendix; fl: floor; ln: line;
p: page; pp: pages; rev: revision; bk: book; ep: episode; col: column; ca: circa; c: circa; b: born; d: died; ex: example;
st: stanza; tel: telephone; div: division; dist: district; op: opus; sect: section; cl: clause; qn: question; q: question; lot: lot
""")
# Said wherever they stand with a full stop; the second table, which are also words, only before a small letter or digit.
SHORT_FORMS = pairs("""
vs: versus; etc: et cetera; approx: approximately; dept: department; est: established; Inc: incorporated;
Ltd: limited; Co: company; Corp: corporation; Bros: brothers; Assn: association; Assoc: associates; Univ: university;
Inst: institute; Intl: international; Natl: national; Govt: government; Mfg: manufacturing; Esq: esquire;
Jr: junior; Sr: senior; doz: dozen; avg: average; misc: miscellaneous; incl: including; excl: excluding; esp: especially; viz: namely;
eds: editors; attn: attention; asst: assistant; mgr: manager; qty: quantity; amt: amount; acct: account; appt: appointment;
tel: telephone; apt: apartment; vol: volume; bldg: building; hosp: hospital; dept: department; govt: government; univ: university;
tbsp: tablespoon; tsp: teaspoon; yr: year; yrs: years; wk: week; wks: weeks; mos: months; hrs: hours; hr: hour;
Calif: California; Conn: Connecticut; Fla: Florida; Penn: Pennsylvania; Minn: Minnesota; Ariz: Arizona; Okla: Oklahoma; Tenn: Tennessee;
ave: avenue; blvd: boulevard; rd: road; hwy: highway; pkwy: parkway; cf: compare; ibid: ibid; al: al; assoc: associate; corp: corporation; mfr: manufacturer; sgd: signed; wt: weight; ht: height; ext: extension
""")
SHORT_WORDS = pairs("""
min: minimum; max: maximum; temp: temperature; fig: figure; sec: second; ed: edition; orig: originally; prob: probably; resp: respectively;
dist: district; div: division; ref: reference; gen: general; sq: square; std: standard; mo: month; pop: population; trans: translated
""")
SLASHED = pairs("""
w/o: without; w/out: without; n/a: not applicable; c/o: care of; b/c: because; b/w: between; y/o: year old;
a/k/a: also known as; d/b/a: doing business as; i/o: I O; a/c: A C; o/s: O S; r/w: read write; p/e: P E; w/e: whatever; 24/7: twenty four seven;
24/7/365: twenty four seven three sixty five; 9/11: nine eleven; 7/11: seven eleven; 20/20: twenty twenty;
and/or: and or; w/in: within; s/he: she or he; he/she: he or she; his/her: his or her; him/her: him or her;
(s)he: she or he; either/or: either or; yes/no: yes no; on/off: on off
""")
PROGRAMMING = {
    **{"!=": "is not equal to", "!==": "is not equal to", "==": "is equal to", "===": "is equal to"},
    **{"<=": "is less than or equal to", ">=": "is greater than or equal to", "->": "to", "=>": "gives"},
    **{"&&": "and", "+=": "plus equals", "-=": "minus equals", "*=": "times equals", "<>": "is not equal to"},
    **{"++": "plus plus", ":=": "becomes", "::": "colon colon", "<<": "shift left", ">>": "shift right", "<-": "from"},
}
OPERATORS = {"+": "plus", "-": "minus", "*": "times", "×": "times", "x": "times", "÷": "divided by"}
OPERATORS |= {"/": "divided by", "=": "equals", "<": "is less than", ">": "is greater than"}
OPERATORS |= {
    "≤": "is less than or equal to",
    "≥": "is greater than or equal to",
    "≈": "is about",
    "≠": "is not equal to",
}
FILE_ENDINGS = pairs("""
txt: T X T; js: J S; ts: T S; py: P Y; html: H T M L; htm: H T M; css: C S S; json: jason; xml: X M L; csv: C S V;
pdf: P D F; doc: doc; docx: doc X; xls: X L S; xlsx: X L S X; ppt: P P T; pptx: P P T X; jpg: J peg; jpeg: J peg;
png: P N G; gif: gif; svg: S V G; mp3: M P three; mp4: M P four; wav: wave; flac: flack; ogg: ogg; zip: zip; gz: G Z;
tar: tar; rar: rar; exe: E X E; dll: D L L; iso: I S O; dmg: D M G; md: M D; yaml: yammel; yml: Y M L; toml: tommel;
ini: I N I; cfg: C F G; conf: conf; log: log; sh: S H; bat: bat; cpp: C P P; java: java; rs: R S; go: go; rb: R B;
php: P H P; sql: S Q L; ipynb: I P Y N B; NET: net; net: net; psd: P S D; epub: E pub; apk: A P K; tmp: T M P;
bak: B A K; tex: teck; bib: bib; mov: M O V; avi: A V I; mkv: M K V; webp: web P; jsx: J S X; tsx: T S X; env: E N V;
ckpt: C K P T; pth: P T H; onnx: onyx; safetensors: safe tensors; lock: lock; asp: A S P; aspx: A S P X; h: H; c: C
""")
_ADDRESS_SIGNS = pairs("""
.: dot; @: at; /: slash; -: dash; _: underscore; :: colon; ?: question mark; =: equals; &: and; #: hash; %: percent;
+: plus; ~: tilde; 0: zero; 1: one; 2: two; 3: three; 4: four; 5: five; 6: six; 7: seven; 8: eight; 9: nine
""")
ADDRESS_SIGNS = str.maketrans({sign: f" {name} " for sign, name in _ADDRESS_SIGNS.items()})

# Prefixes and units that take them, then the units that do not; plurals are made, but for the irregular ones.
_PREFIXES = pairs(
    "k: kilo; M: mega; G: giga; T: tera; P: peta; m: milli; μ: micro; n: nano; c: centi; d: deci; h: hecto; p: pico"
)
_SI_UNITS = pairs("""
m: meter; g: gram; s: second; l: liter; L: liter; A: amp; V: volt; W: watt; Hz: hertz; Pa: pascal; J: joule; N: newton; F: farad;
Ω: ohm; B: byte; b: bit; Wh: watt hour; Ah: amp hour; eV: electron volt; mol: mole; cal: calorie; bar: bar; VA: volt amp; Sv: sievert
""")
_ALONE = "m g s l L V W Hz Pa Ω Wh Ah mol bar eV".split()
_NO_UNITS = "pm Ms Gs Ts Ps hs ds cs ps cb Pb cd hg dN mN pb hb db hF".split()
_OTHER_UNITS = pairs("""
mi: mile; ft: foot; in: inch; yd: yard; yds: yard; lb: pound; lbs: pound; oz: ounce; gal: gallon; qt: quart; qts: quart; pt: pint; pts: pint; gals: gallon; t: ton;
tbsp: tablespoon; Tbsp: tablespoon; tbs: tablespoon; tsp: teaspoon; fl oz: fluid ounce; ha: hectare; cc: cubic centimeter;
sq ft: square foot; sq mi: square mile; sq m: square meter; sq km: square kilometer; sq in: square inch; sq yd: square yard;
sqft: square foot; cu ft: cubic foot; cu in: cubic inch; cu m: cubic meter; cu yd: cubic yard;
sec: second; secs: second; min: minute; mins: minute; h: hour; hr: hour; hrs: hour; yr: year; yrs: year; mos: month;
wk: week; wks: week; mph: mile per hour; kph: kilometer per hour; kmh: kilometer per hour; kmph: kilometer per hour;
mpg: mile per gallon; rpm: revolution per minute; RPM: revolution per minute; bpm: beat per minute; BPM: beat per minute;
fps: frame per second; dpi: dot per inch; ppi: pixel per inch; ppm: part per million; ppb: part per billion; wpm: word per minute;
psi: pound per square inch; bps: bit per second; kbps: kilobit per second; Kbps: kilobit per second; Mbps: megabit per second;
Gbps: gigabit per second; dB: decibel; px: pixel; hp: horsepower; cal: calorie; Cal: calorie; mcg: microgram; μm: micron; KB: kilobyte;
kb: kilobyte; mb: megabyte; gb: gigabyte; tb: terabyte; KiB: kibibyte; MiB: mebibyte; GiB: gibibyte; TiB: tebibyte; MP: megapixel;
doz: dozen; kn: knot; lm: lumen; lx: lux; °C: degree Celsius; °F: degree Fahrenheit; °K: degree Kelvin; °: degree; %: percent; ‰: per mille;
pcs: piece; pct: percent; mmHg: millimeter of mercury; Mpx: megapixel; kgs: kilogram; kms: kilometer; gms: gram; mls: milliliter; ohm: ohm
""")
UNITS = {
    p + unit: _PREFIXES[p] + name for p in _PREFIXES for unit, name in _SI_UNITS.items() if p + unit not in _NO_UNITS
}
UNITS |= {unit: _SI_UNITS[unit] for unit in _ALONE} | _OTHER_UNITS
PLURALS = pairs("""
foot: feet; inch: inches; percent: percent; per mille: per mille; horsepower: horsepower; lux: lux; dozen: dozen
""")
PLURALS |= {name: name for name in UNITS.values() if name.endswith("hertz")}

# What a price or a rate is for: "$900/month".
PER = pairs("""
second: second; sec: second; s: second; minute: minute; min: minute; hour: hour; hr: hour; h: hour; day: day; d: day;
night: night; week: week; wk: week; month: month; mo: month; mth: month; quarter: quarter; qtr: quarter; year: year;
yr: year; y: year; annum: annum; person: person; pp: person; head: head; capita: capita; user: user; seat: seat;
unit: unit; item: item; ea: each; piece: piece; pc: piece; lb: pound; oz: ounce; kg: kilogram; g: gram; t: ton; ton: ton; gal: gallon;
gallon: gallon; l: liter; L: liter; liter: liter; litre: litre; kWh: kilowatt hour; GB: gigabyte; TB: terabyte;
MB: megabyte; mile: mile; mi: mile; km: kilometer; m: meter; ft: foot; sq ft: square foot; sqft: square foot;
word: word; page: page; share: share; ticket: ticket; guest: guest; child: child; student: student; game: game; visit: visit; trip: trip; barrel: barrel;
bottle: bottle; box: box; bag: bag; cup: cup; dozen: dozen; acre: acre; pound: pound; ounce: ounce; session: session; class: class; lesson: lesson;
customer: customer; employee: employee; room: room; car: car; pair: pair; serving: serving; minute: minute; meter: meter; order: order; call: call
""")
MONEY = {
    **{"$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence")},
    **{"€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "", "")},
    **{"₹": ("rupee", "rupees", "paisa", "paise")},
    **{"₩": ("won", "won", "", ""), "₽": ("ruble", "rubles", "kopeck", "kopecks")},
}
MONEY_PREFIXES = {"US": "U S ", "A": "Australian ", "C": "Canadian ", "HK": "Hong Kong ", "NZ": "New Zealand "}
CURRENCY_CODES = pairs("""
USD: U S dollars; EUR: euros; GBP: pounds; JPY: yen; CNY: yuan; RMB: yuan; AUD: Australian dollars; CAD: Canadian dollars;
CHF: Swiss francs; INR: rupees; KRW: won; HKD: Hong Kong dollars; NZD: New Zealand dollars; SEK: kronor; MXN: pesos
""")
MAGNITUDE = pairs(
    "k: thousand; K: thousand; m: million; M: million; mn: million; mm: million; bn: billion; B: billion; b: billion; tn: trillion; T: trillion"
)
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau "
        "upsilon phi chi psi omega".split(),
        strict=True,
    )
)
SYMBOLS = {
    **{"&": "and", "@": "at", "%": "percent", "+": "plus", "=": "equals", "#": "hash", "°": "degrees", "×": "times"},
    **{"÷": "divided by", "±": "plus or minus", "√": "square root of", "≈": "approximately", "≠": "is not equal to"},
    **{"≤": "less than or equal to", "≥": "greater than or equal to", "<": "less than", ">": "greater than"},
    **{"¢": "cents", "″": "inches", "_": "underscore"},
    **{"‰": "per mille", "$": "dollars", "£": "pounds", "€": "euros", "¥": "yen", "₹": "rupees", "₩": "won"},
    **{"₽": "rubles"},
}
RULERS = frozenset(
    """Henry Edward George William Charles James Richard Elizabeth Mary Louis Philip Francis Frederick Napoleon John Paul
    Pius Benedict Gregory Clement Leo Innocent Alexander Nicholas Catherine Peter Ivan Otto Leopold Ramses Ramesses
    Christian Gustav Haakon Harald Carl Karl Ferdinand Alfonso Wilhelm Friedrich Heinrich Rudolf Sigismund
    Victor Umberto Albert Baudouin Rama Ptolemy Cleopatra Darius Xerxes Cyrus Artaxerxes Thutmose Amenhotep Seti Boniface
    Urban Julius Sixtus Celestine Callixtus Eugene Adrian Honorius Anne Robert Constantine Theodosius
    Justinian Basil Michael Manuel Selim Mehmed Murad Suleiman Abdul Alexios Bela Stephen Casimir Sancho Pedro Afonso
    Joseph Maria Maximilian Matthias Ludwig Cosimo Lorenzo Tutankhamun Juliana Willem Frederik Olav Sweyn Hussein Abdullah
    Mohammed Hassan Ethelred Edmund Eric Erik Magnus Valdemar Menelik Tewodros Kamehameha Pomare Jean Juan Felipe""".split()
)
"""Names after which a Roman numeral is an ordinal: "Louis XIV"."""
CROWNS = "King Queen Pope Emperor Empress Tsar Czar Prince Princess Kaiser Sultan Shah Pharaoh Duke Archduke".split()
"""Titles after whose name it is one, too: "King Zog II"."""
COUNTED = (
    "chapter part book act scene section volume war article type phase stage figure table title level class grade "
    "appendix episode season round tier category group unit step division region amendment wave song symphony mark "
    "page lesson module exhibit schedule annex item line rank bowl fantasy wars rocky rambo gta apollo gemini "
    "civilization quest souls auto godfather iphone titan ultima halo gear minuteman ironman wrestlemania "
    "psalm canto sonata concerto concilium council vatican olympiad games"
).split()
"""Words after which even a Roman numeral of one letter is a cardinal: "Chapter V", "Rocky V"."""
BIBLE = (
    "Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth Samuel Kings Chronicles Ezra Nehemiah Esther Job "
    "Psalms? Proverbs Ecclesiastes Isaiah Jeremiah Lamentations Ezekiel Daniel Hosea Joel Amos Obadiah Jonah Micah "
    "Nahum Habakkuk Zephaniah Haggai Zechariah Malachi Matthew Mark Luke John Acts Romans Corinthians Galatians "
    "Ephesians Philippians Colossians Thessalonians Timothy Titus Philemon Hebrews James Peter Jude Revelation Quran"
).split()
# Capitalised after an abbreviation, these begin a sentence: "in the U.S. He left".
STARTERS = (
    "The A An This That These Those I You He She It We They My Your His Her Its Our Their There Here What When Where Why "
    "How Who Which If In On At By For With From To After Before Then But And So Or Yet Because Although While Since "
    "Not No Yes As Once Now Today Yesterday Tomorrow Some Many Most All Each Every Both Do Does Did Is Are Was Were Can "
    "Could Will Would Should May Please Let One Two Three Later Soon Meanwhile However Also Everyone Nobody Someone "
    "Nothing Everything Perhaps Maybe Suddenly Finally Instead Until Under Over Another Next First Its"
).split()
# Capitalised after "p.m.", these do not.
AFTER_CLOCK = (*MONTHS, *MONTH_SHORT, *DAYS, *DAYS.values(), "Eastern", "Pacific", "Central", "Mountain", "Greenwich")
AFTER_CLOCK = (*AFTER_CLOCK, "Beijing", "London", "Tokyo", "Paris", "Berlin", "Moscow", "New")
# Before "30s", these speak of seconds.
WAITING = "wait for after in within every about a an another next last took takes lasts lasted only least than".split()
# After "call 100", these and plurals are what is counted: else it is a number to be dialled.
COUNTED_PEOPLE = "people men women children more of other different hundred thousand million".split()
