"""Room: mails to customers and admins, and who wants none."""
