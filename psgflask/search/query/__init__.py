"""The query language: what a reader types becomes a Query; nothing that is typed is an error."""

from psgflask.search.query.fields import read_span
from psgflask.search.query.parsing import LONGEST, MOST_TERMS, parse
from psgflask.search.query.parts import (
    Clause,
    Dated,
    InIssue,
    InLanguage,
    InTitle,
    OnTopic,
    Phrase,
    Plain,
    Prefix,
    Query,
)

__all__ = [
    "LONGEST",
    "MOST_TERMS",
    "Clause",
    "Dated",
    "InIssue",
    "InLanguage",
    "InTitle",
    "OnTopic",
    "Phrase",
    "Plain",
    "Prefix",
    "Query",
    "parse",
    "read_span",
]
