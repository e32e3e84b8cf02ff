"""Draws task graphs: converts the API's graph model to SVG, DOT and Mermaid. Pure, without I/O."""
