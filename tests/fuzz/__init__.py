"""Parsers under fire: every target takes any bytes, and may refuse them only with an error of the house."""
