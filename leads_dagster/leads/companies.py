"""Company names as they are shown.

What belongs here: tidying. The legal form stays, because it is part of the name; it is folded away for matching only
(`folding.fold_company`).
"""

from __future__ import annotations

import re

_QUOTED = re.compile(r"([\"“”„'‘])([^\"“”„]*)([\"“”'’])")


def tidy_company(text: str) -> str:
    """The name without quotes around the whole of it, and without a comma or semicolon left at its end.

    Args:
        text: a cleaned cell.
    """
    if text[0].isalnum() and text[-1].isalnum():
        return text
    bare = text.strip(" ,;")
    quoted = _QUOTED.fullmatch(bare)
    return (quoted[2].strip() if quoted else bare) or text
