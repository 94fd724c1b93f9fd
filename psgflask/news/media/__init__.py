"""Pictures and attachments: read, stored, served, tidied."""
