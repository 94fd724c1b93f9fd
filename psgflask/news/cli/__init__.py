"""The editors' commands for articles and topics."""
