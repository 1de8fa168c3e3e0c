"""The networks: one component a file, pure `torch.nn`. They know no files, no training, no recordings."""
