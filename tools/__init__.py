"""What makes and checks parts of the project that are not written by hand."""
