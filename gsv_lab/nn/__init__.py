"""The networks: one component a file, pure `torch.nn`, without files, training or recordings."""
