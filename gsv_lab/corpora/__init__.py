"""Training and test material: readers of public corpora, one packed store, batches."""
