"""What representations hold: linear probes, leakage, uncertainty of factors given codes."""
