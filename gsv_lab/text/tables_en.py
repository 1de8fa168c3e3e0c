"""Words of the English normaliser: abbreviations, units, money, symbols, and how each is read.

Only tables; `normalise_en.py` knows when to use them.
"""

from __future__ import annotations

MONTHS = "January February March April May June July August September October November December".split()
MONTH_SHORT = {m[:3]: m for m in MONTHS} | {"Sept": "September"}
DAYS = {d[:3]: d for d in "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()} | {
    "Tues": "Tuesday",
    "Thurs": "Thursday",
}

# Written with a full stop. Those that end a sentence themselves keep it (see `_abbreviation`).
TITLES = {
    **{"Mr": "mister", "Mrs": "missus", "Ms": "miz", "Dr": "doctor", "Prof": "professor", "Rev": "reverend"},
    **{"Gen": "general", "Col": "colonel", "Capt": "captain", "Lt": "lieutenant", "Sgt": "sergeant", "Maj": "major"},
    **{"Hon": "honorable", "Sen": "senator", "Gov": "governor", "Rep": "representative", "Pres": "president"},
    **{"Mt": "mount", "Ft": "fort", "Messrs": "messers", "St": "saint", "Fr": "father", "Sr": "senior", "Jr": "junior"},
}
SHORT_FORMS = {
    **{"vs": "versus", "etc": "et cetera", "approx": "approximately", "dept": "department", "est": "established"},
    **{"Inc": "incorporated", "Ltd": "limited", "Co": "company", "Corp": "corporation", "Bros": "brothers"},
    **{"Ave": "avenue", "Blvd": "boulevard", "Rd": "road", "Esq": "esquire", "min": "minutes", "max": "maximum"},
    **{"fig": "figure", "Fig": "figure", "vol": "volume", "Vol": "volume", "pp": "pages", "ch": "chapter"},
    **{"ed": "edition"},
}
MAY_END = ("etc", "Inc", "Ltd", "Co", "Corp", "Bros", "Ave", "Blvd", "Rd", "Esq", "Jr", "Sr")
UNITS: dict[str, tuple[str, str]] = {
    **{"km": ("kilometer", "kilometers"), "m": ("meter", "meters"), "cm": ("centimeter", "centimeters")},
    **{"mm": ("millimeter", "millimeters"), "mi": ("mile", "miles"), "ft": ("foot", "feet"), "in": ("inch", "inches")},
    **{"yd": ("yard", "yards"), "kg": ("kilogram", "kilograms"), "g": ("gram", "grams")},
    **{"mg": ("milligram", "milligrams")},
    **{"lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"), "l": ("liter", "liters")},
    **{"L": ("liter", "liters"), "ml": ("milliliter", "milliliters"), "mL": ("milliliter", "milliliters")},
    **{"s": ("second", "seconds"), "sec": ("second", "seconds"), "ms": ("millisecond", "milliseconds")},
    **{"min": ("minute", "minutes"), "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours")},
    **{"Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz")},
    **{"GHz": ("gigahertz", "gigahertz"), "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts")},
    **{"V": ("volt", "volts")},
    **{"kWh": ("kilowatt hour", "kilowatt hours"), "dB": ("decibel", "decibels"), "KB": ("kilobyte", "kilobytes")},
    **{"MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes")},
    **{"°C": ("degree Celsius", "degrees Celsius"), "°F": ("degree Fahrenheit", "degrees Fahrenheit")},
    **{"°": ("degree", "degrees"), "%": ("percent", "percent"), "‰": ("per mille", "per mille")},
    **{"mph": ("mile per hour", "miles per hour"), "km/h": ("kilometer per hour", "kilometers per hour")},
    **{"kph": ("kilometer per hour", "kilometers per hour"), "m/s": ("meter per second", "meters per second")},
}
MONEY = {
    **{"$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence")},
    **{"€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "", "")},
    **{"₹": ("rupee", "rupees", "paisa", "paise")},
    **{"₩": ("won", "won", "", ""), "₽": ("ruble", "rubles", "kopeck", "kopecks")},
}
MAGNITUDE = {
    **{"k": "thousand", "K": "thousand", "m": "million", "M": "million"},
    **{"bn": "billion", "B": "billion", "tn": "trillion"},
}
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau "
        "upsilon phi chi psi omega".split(),
        strict=True,
    )
)
SYMBOLS = {
    **{"&": "and", "@": "at", "%": "percent", "+": "plus", "=": "equals", "#": "number", "°": "degrees", "×": "times"},
    **{"÷": "divided by", "±": "plus or minus", "√": "square root of", "≈": "approximately", "≠": "is not equal to"},
    **{"≤": "less than or equal to", "≥": "greater than or equal to", "<": "less than", ">": "greater than"},
    **{"¢": "cents"},
    **{"‰": "per mille", "$": "dollars", "£": "pounds", "€": "euros", "¥": "yen", "₹": "rupees", "₩": "won"},
    **{"₽": "rubles"},
}
RULERS = frozenset(
    "Henry Edward George William Charles James Richard Elizabeth Mary Louis Philip Francis Frederick Napoleon John "
    "Paul "
    "Pius Benedict Gregory Clement Leo Innocent Alexander Nicholas Catherine Peter Ivan Otto Leopold Ramses".split()
)
"""Names after which a Roman numeral of one letter is an ordinal."""
COUNTED = "chapter part book act scene section volume war article type phase stage figure table".split()
"""Words after which a Roman numeral is a cardinal."""
