"""Temperatures in several units."""

ABSOLUTE_ZERO = -273.15


def to_fahrenheit(celsius):
    """Degrees Fahrenheit of degrees Celsius."""
    return celsius * 5 / 9 + 32


def to_kelvin(celsius):
    """Kelvins of degrees Celsius."""
    if celsius < ABSOLUTE_ZERO:
        raise ValueError(f"{celsius} is below absolute zero")
    return celsius - ABSOLUTE_ZERO
