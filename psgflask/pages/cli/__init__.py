"""The commands for standing pages and appeals."""
