"""The languages of the site, by code, and what each calls itself."""

LANGUAGES = ("en", "es")
NATIVE_NAMES = {"en": "English", "es": "Español"}
