"""The verdict on a fine-tuning: are the recordings good enough, which step speaks best, is it better than zero-shot."""
