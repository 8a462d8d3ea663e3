"""What the box does with events: inputs that make them, actions that follow from them, and how the panel shows both."""
