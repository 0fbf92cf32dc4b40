"""The data: the world that ships inside, and the adapters to what it is made from."""
