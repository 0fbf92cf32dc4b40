"""The weekly closed loop: a scenario on the world's people becomes an outcome with its uncertainty."""
