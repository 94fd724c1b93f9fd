"""The query language: what a reader types becomes a Query; nothing that is typed is an error."""

from psgflask.search.query.expanding import Glossary, Term, expanded
from psgflask.search.query.fields import read_span
from psgflask.search.query.parsing import LONGEST, MOST_TERMS, parse
from psgflask.search.query.parts import (
    Clause,
    Concept,
    Dated,
    InIssue,
    InLanguage,
    InTitle,
    OnTopic,
    Other,
    Phrase,
    Plain,
    Prefix,
    Query,
)

__all__ = [
    "LONGEST",
    "MOST_TERMS",
    "Clause",
    "Concept",
    "Dated",
    "Glossary",
    "InIssue",
    "InLanguage",
    "InTitle",
    "OnTopic",
    "Other",
    "Phrase",
    "Plain",
    "Prefix",
    "Query",
    "Term",
    "expanded",
    "parse",
    "read_span",
]
