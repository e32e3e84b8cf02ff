"""REST controllers: each handler parses the request, calls one function, and answers."""
