"""Files of votes: reading, analysis by the design of the test, report."""
