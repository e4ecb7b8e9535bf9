"""Room: show an operator what is happening: a banner, an overview, a sweep's outcome, a request's history."""
