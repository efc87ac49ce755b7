"""Tables in files: recognised by content, read in batches, written aside and then renamed."""
