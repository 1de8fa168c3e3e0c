"""Fine-tuning of a voice: what may move, the tasks that move it, and the run from a prepared folder to a voice file."""
