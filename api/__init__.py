"""The service desk: REST, console, owner's page and reminders; one folder a matter."""
