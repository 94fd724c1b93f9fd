"""A bare Flask view: what the server itself costs, to measure the site's pages against."""

from flask import Flask

app = Flask(__name__, static_folder=None)


@app.get("/")
def bare() -> str:
    """Answer with one line."""
    return "<!doctype html><title>Bare</title><p>Bare"
