"""The same text spoken clean and edited, and what became of it."""
