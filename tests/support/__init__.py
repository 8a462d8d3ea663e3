"""What tests of every kind share: AMWA's schemas and examples, a fake clock, and the watch for leaks."""
