"""Between the network and the app: what a connection may cost, and which user of this machine opened it."""
