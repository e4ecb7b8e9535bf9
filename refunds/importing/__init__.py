"""Room: files of return requests, and the command that imports them."""
