"""How providers are reached: the HTTP client and its rate limits.

Belongs here: transport. Does not belong here: what a provider's responses mean (`sources/protocols/`).
"""
