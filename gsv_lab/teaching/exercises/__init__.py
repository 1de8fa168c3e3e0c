"""What the notebooks stand on: checks of exercises (one module a notebook), the speech they use, and their builder."""
