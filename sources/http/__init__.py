"""Transport: the HTTP client and its rate limits.

Belongs here: requests and limits. Does not belong here: what a provider's responses mean (`sources/protocols/`).
"""
