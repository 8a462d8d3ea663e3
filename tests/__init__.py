"""Tests, the bench and their helpers. A package, so that `tests` never means somebody else's."""
