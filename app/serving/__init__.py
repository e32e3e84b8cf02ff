"""The layer between the network and the app: connection limits, and which user of this machine opened a connection."""
