"""The web page: its sources in `src`, what is built of them in `built`, and the handlers that serve it."""
