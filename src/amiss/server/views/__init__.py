"""What a page shows and the API answers, put together from the store."""
