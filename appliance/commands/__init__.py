"""The commands of the command line that talk to a running box over its panel API. Short-lived: quick to import."""
