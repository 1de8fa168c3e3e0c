"""Hard texts: how often a model skips words, says them again, loops or breaks off, and what its guards do for that."""
