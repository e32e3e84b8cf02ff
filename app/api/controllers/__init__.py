"""The endpoints: parse, call one function, answer."""
