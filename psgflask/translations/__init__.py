"""The message catalogues: one folder per language, English being the words in the code itself."""
