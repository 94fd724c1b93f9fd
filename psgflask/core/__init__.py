"""What every package uses: configuration, database, clock, files, the terminal; no HTTP."""
