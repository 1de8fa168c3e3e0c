"""Training: tasks that are handed their networks, one `fit` for all, resumable at any moment."""
