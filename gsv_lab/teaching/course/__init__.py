"""The notebooks as a course: what is in them, a student's copy with progress, assignments for nbgrader, a book."""
