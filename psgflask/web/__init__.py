"""HTTP for every room: languages, kept pages, slots, assets, security, errors, rendering."""
