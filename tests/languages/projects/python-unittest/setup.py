from setuptools import setup

setup(name="temperature", version="1.0", packages=["temperature"], python_requires=">=3.8")
