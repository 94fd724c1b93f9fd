"""The glossary: words that mean the same, in both languages."""
