"""Manuscripts: Markdown files with a head of named values, and what to say of their mistakes."""

from psgflask.manuscript.reading import FrontMatterWrong, Head, Manuscript, Mistake, read

__all__ = ["FrontMatterWrong", "Head", "Manuscript", "Mistake", "read"]
