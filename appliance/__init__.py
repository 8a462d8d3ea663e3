"""NMOS for a small box: announces itself, finds the others, and plays what is chosen on its panel."""

__version__ = "0.1.0"
