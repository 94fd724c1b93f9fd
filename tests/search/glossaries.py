"""Changes the glossary as volunteers do, and reads it."""

from flask import Flask
from sqlalchemy.orm import Session

from psgflask.search import glossary


def run(app: Flask, *words: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["search", "glossary", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def terms(session: Session) -> list[set[str]]:
    """Return the texts of each concept."""
    session.rollback()
    return [{term.text for term in concept} for concept in glossary.concepts(session)]
