"""Configuration: TOML to frozen dataclasses, every error at once."""
