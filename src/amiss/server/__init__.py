"""`amiss serve`: an API and a dashboard over the store; it holds no detection logic."""
