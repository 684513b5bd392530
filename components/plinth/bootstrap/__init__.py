"""What a new account, subscription or project needs before the first environment: made once."""
