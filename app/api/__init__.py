"""REST controllers: parse, call one function, answer."""
