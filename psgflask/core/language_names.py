"""The languages of the site: their codes, names and path prefixes."""

LANGUAGES = ("en", "es")
ENGLISH_NAMES = {"en": "English", "es": "Spanish"}
NATIVE_NAMES = {"en": "English", "es": "Español"}
PREFIXES = {"en": "", "es": "/es"}
