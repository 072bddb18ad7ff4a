"""What is to be solved and how it is graded: tasks, where they come from, and the repositories they are solved in."""
