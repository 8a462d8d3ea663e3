"""The front panel: one menu, several faces."""
