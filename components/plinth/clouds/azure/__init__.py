"""Azure: what is known of it without Pulumi and without its SDK."""
