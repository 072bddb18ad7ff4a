"""What an agent can do to a computer: tools, sandboxes and the guard. Knows nothing of models."""
