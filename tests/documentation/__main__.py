"""`python -m tests.documentation` writes the tables of docs/ anew."""

from tests.documentation.tables import renew

renew()
