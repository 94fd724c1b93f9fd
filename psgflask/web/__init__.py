"""HTTP for every package: languages, cached pages, slots, assets, security, errors, rendering."""
