"""A user class, a load shape, a contract and a locustfile of one's own; each file says how it is used."""
