"""What was searched for, counted without people."""
