"""`report.html` of an evaluation."""
