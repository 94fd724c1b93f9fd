"""The site for any WSGI server: `gunicorn wsgi:app`. `make serve` starts granian by itself."""

from psgflask import create_app

app = create_app()
