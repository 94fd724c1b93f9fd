"""The site for any WSGI server: `gunicorn wsgi:app`. `make serve` starts granian by itself."""

from psgflask.ops.serving import site

app = site()
