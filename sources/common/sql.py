"""SQL text made from values: literals and identifiers.

Belongs here: quoting. Does not belong here: queries.
"""

from __future__ import annotations


def literal(value: object) -> str:
    """A SQL string literal that holds the text of `value`."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A SQL identifier: the name of a column or a table."""
    return '"' + name.replace('"', '""') + '"'
