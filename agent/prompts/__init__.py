"""The shipped prompts, as text files beside this one; ``$name`` marks what is filled in."""
