"""Files in workspaces: paths, uploads, checksums, and which places are private."""
