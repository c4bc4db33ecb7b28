"""Addresses that answer from the tables of the current release, asked over real sockets."""
