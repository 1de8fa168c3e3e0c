"""The machine and its files: environment variables, safe writing, configuration, hardware."""
