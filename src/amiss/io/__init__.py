"""Where data come from and go to: a folder for each connector."""
