"""The countries of the world by their names in both languages, for postal addresses."""

from functools import lru_cache

from babel import Locale

from psgflask.core.folding import fold

FIRST = ("GB", "PE")
# Codes that Unicode names besides countries: unions, tests, islands that use another's post code.
NO_COUNTRIES = frozenset(
    {*("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ")}
)


@lru_cache(maxsize=2)
def names(language: str) -> dict[str, str]:
    """Return the name of each country by its code (ISO 3166), ours first, then by the alphabet."""
    told = Locale.parse(language).territories
    found = {
        code: str(name)
        for code, name in told.items()
        if len(code) == 2 and code.isalpha() and code not in NO_COUNTRIES
    }
    rest = sorted((code for code in found if code not in FIRST), key=lambda c: fold(found[c]))
    return {code: found[code] for code in (*FIRST, *rest)}
