"""Xapian, run by the system's Python: reads documents or questions as JSON, a line each.

`xapian_program.py build DATABASE` reads documents; `xapian_program.py serve DATABASE` reads
questions and answers each with [CPU milliseconds, total].
"""

import json
import sys
import time
from typing import Any

import xapian  # type: ignore[import-not-found]  # the system's Python has it

YEAR, LANGUAGE, TOPICS = 0, 1, 2


class Page:
    """A database that stays open."""

    def __init__(self, place: str) -> None:
        self.base = xapian.Database(place)
        self.stem = xapian.Stem("en")

    def query(self, kind: str, words: list[str], since: int) -> Any:
        terms = [self.either(word) for word in words]
        if kind == "or":
            return xapian.Query(xapian.Query.OP_OR, terms)
        if kind == "phrase":
            return xapian.Query(xapian.Query.OP_PHRASE, list(words))
        if kind == "prefix":
            return xapian.Query(
                xapian.Query.OP_WILDCARD, words[0], 50, xapian.Query.WILDCARD_LIMIT_MOST_FREQUENT
            )
        if kind == "misspelt":
            better = self.base.get_spelling_suggestion(words[0], 1).decode()
            return self.either(better or words[0])
        if kind == "boolean":
            either = xapian.Query(xapian.Query.OP_OR, terms[:2])
            return xapian.Query(xapian.Query.OP_AND_NOT, either, terms[2])
        if kind == "dates":
            both = xapian.Query(xapian.Query.OP_AND, terms)
            dated = xapian.Query(xapian.Query.OP_VALUE_GE, YEAR, xapian.sortable_serialise(since))
            return xapian.Query(xapian.Query.OP_FILTER, both, dated)
        return xapian.Query(xapian.Query.OP_AND, terms)

    def either(self, word: str) -> Any:
        stemmed = "Z" + self.stem(word).decode()
        return xapian.Query(stemmed)

    def show(self, kind: str, words: list[str], since: int) -> Any:
        enquire = xapian.Enquire(self.base)
        enquire.set_query(self.query(kind, words, since))
        spies = [xapian.ValueCountMatchSpy(slot) for slot in (YEAR, LANGUAGE, TOPICS)]
        for spy in spies:
            enquire.add_matchspy(spy)
        found = enquire.get_mset(0, 10, self.base.get_doccount())
        hits = []
        for match in found:
            stored = json.loads(match.document.get_data())
            hits.append(
                (stored["title"], stored["dated"], found.snippet(stored["body"], 240, self.stem))
            )
        counts = [[(item.term, item.termfreq) for item in spy.values()] for spy in spies]
        topics: dict[bytes, int] = {}
        for value, number in counts[TOPICS]:
            for topic in value.split(b" "):
                topics[topic] = topics.get(topic, 0) + number
        return found.get_matches_estimated(), hits, counts, topics


def build(place: str) -> None:
    base = xapian.WritableDatabase(place, xapian.DB_CREATE_OR_OVERWRITE)
    terms = xapian.TermGenerator()
    terms.set_stemmer(xapian.Stem("en"))
    terms.set_database(base)
    terms.set_flags(xapian.TermGenerator.FLAG_SPELLING)
    for line in sys.stdin:
        row = json.loads(line)
        document = xapian.Document()
        terms.set_document(document)
        terms.index_text(row["title"], 2)
        terms.increase_termpos()
        terms.index_text(row["body"])
        document.add_value(YEAR, xapian.sortable_serialise(row["year"]))
        document.add_value(LANGUAGE, row["language"])
        document.add_value(TOPICS, " ".join(map(str, row["topics"])))
        document.set_data(json.dumps(row))
        base.add_document(document)
    base.commit()
    base.compact(place + "-compact")


def serve(place: str) -> None:
    page = Page(place + "-compact")
    for line in sys.stdin:
        kind, words, since = json.loads(line)
        begun = time.process_time()
        total = page.show(kind, words, since)[0]
        print(json.dumps([(time.process_time() - begun) * 1000, total]), flush=True)


if __name__ == "__main__":
    {"build": build, "serve": serve}[sys.argv[1]](sys.argv[2])
