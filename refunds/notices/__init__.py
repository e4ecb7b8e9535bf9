"""Room: mails to customers, opt-outs, and the evening digest to admins."""
