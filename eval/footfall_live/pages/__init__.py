"""What people see: pages filled on the server, with their templates, style and script."""
