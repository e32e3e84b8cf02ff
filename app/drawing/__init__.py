"""Pictures of task graphs: from the API's own model of a graph to SVG, DOT and Mermaid. Pure, no I/O."""
