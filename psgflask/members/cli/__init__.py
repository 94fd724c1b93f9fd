"""The membership secretary's commands."""
