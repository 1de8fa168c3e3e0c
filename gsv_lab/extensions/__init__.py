"""What nano adds to the published system: one idea a file, each with its source, its switch and an ablation."""
