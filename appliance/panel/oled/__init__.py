"""The face for small screens and a knob: what its hands mean, what is on the screen, how the screen is spared."""
