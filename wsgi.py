"""The site for any WSGI server: `gunicorn wsgi:app`. `make serve` starts granian by itself."""

from psgflask.ops.serving.startup import create_serving_app

app = create_serving_app()
