"""Discovery: announcing this box, finding the others, and knowing what they send."""
