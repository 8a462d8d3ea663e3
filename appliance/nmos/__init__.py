"""The NMOS specifications, one package each: their rules, and their HTTP routes."""
