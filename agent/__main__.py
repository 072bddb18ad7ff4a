"""``python -m agent``: the same as the console script ``agent``."""

from agent.cli import main

if __name__ == "__main__":
    main()
