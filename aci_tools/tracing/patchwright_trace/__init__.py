"""What is sent into the sandbox to run one test, or a few statements, under tracing and to write down what it saw.

It runs under the project's own interpreter (Python 3.6 and later), next to the project's own code, so it imports the
standard library only, and its files keep to the syntax of Python 3.6.
"""
