"""Google Cloud: what is known of it without Pulumi and without its SDK."""
