"""Room: send mails to customers, respect opt-outs, and send an evening digest to admins."""
