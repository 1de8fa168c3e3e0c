"""Material of the course: exercises that check themselves, and widgets."""
