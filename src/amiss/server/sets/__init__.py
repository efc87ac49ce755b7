"""Files that were brought to the server, as columns that can be looked at piece by piece."""
