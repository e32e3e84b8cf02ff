"""The part of jsonschema-specifications that Signoff uses. The library has no types of its own."""

from referencing.jsonschema import SchemaRegistry

REGISTRY: SchemaRegistry
