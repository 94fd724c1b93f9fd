"""The index on disk: what it holds of an article, how it is written, and how it is read."""
