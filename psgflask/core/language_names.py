"""The languages of the site: their codes, names and path prefixes."""

LANGUAGES = ("en", "es")
NATIVE_NAMES = {"en": "English", "es": "Español"}
PREFIXES = {"en": "", "es": "/es"}
