r"""LaTeX to MathML, which browsers draw by themselves: no script, no font, no network.

mathml(r"z = \mu + \sigma \epsilon")      # <math ...>...</math>
"""

from __future__ import annotations

import re

from gsv_lab.errors import DataError
from gsv_lab.system.extras import require

_KNOWN = {
    r"\\begin\{(aligned|split)\}": r"\\begin{align*}",
    r"\\end\{(aligned|split)\}": r"\\end{align*}",
    r"\\(arg)(?![A-Za-z])": r"\\operatorname{\1}",
    r"\\sim(?![A-Za-z])": "∼",
    r"\\(mathcal|mathbb|mathbf) ([A-Za-z])": r"\\\1{\2}",
    r"\\!": "",
}
"""What the converter lacks -> the same in its words."""
_THIN = '<mspace width="0.167em" />'
_LEFT_OVER = re.compile(r"<m\w+>(\\[^<]*|&|\*)</m\w+>")


def mathml(latex: str, block: bool = False) -> str:
    """A formula as a `math` element.

    Args:
        latex: without dollar signs.
        block: on a line of its own.

    Raises:
        DataError: BOOK_FORMULA, a command that is not known. LabError: EXTRA_MISSING.
    """
    converter = require("latex2mathml.converter", "course")
    words = " ".join(latex.split())
    for pattern, same in _KNOWN.items():
        words = re.sub(pattern, same, words)
    try:
        made = str(converter.convert(words, display="block" if block else "inline"))
        why = ", ".join(f"{word!r} is not known" for word in _LEFT_OVER.findall(made))
    except Exception as error:  # the converter has errors of many kinds for what it cannot read
        made, why = "", f"{type(error).__name__} {error}"
    if why:
        raise DataError("BOOK_FORMULA", f"The formula {latex.strip()!r} cannot be shown: {why}", "plain LaTeX of maths")
    # A function stands a little apart from what it is of, unless that is in brackets.
    return re.sub(r"(<mi>(?:log|ln|exp|cos|sin)</mi>)(?!<m[or]\w*[^>]*>(?:&#x00028;|<mo))", rf"\1{_THIN}", made)
