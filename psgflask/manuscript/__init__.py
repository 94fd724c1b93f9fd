"""Manuscripts: Markdown files with front matter, and advice on mistakes in them."""
