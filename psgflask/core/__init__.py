"""What every room stands on: configuration, database, clock, files, the terminal; no HTTP."""
