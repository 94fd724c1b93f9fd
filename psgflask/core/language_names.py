"""The languages of the site: their codes, names and path prefixes."""

LANGUAGES = ("en", "es")
ENGLISH_NAMES = {"en": "English", "es": "Spanish"}
NATIVE_NAMES = {"en": "English", "es": "Español"}
PREFIXES = {"en": "", "es": "/es"}


def split_prefix(path: str) -> tuple[str, str]:
    """Return the language of a path, and the path without its prefix."""
    for language, prefix in PREFIXES.items():
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            return language, path.removeprefix(prefix)
    return LANGUAGES[0], path
