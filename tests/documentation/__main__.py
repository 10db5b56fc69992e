"""`python -m tests.documentation` writes the tables and the drawing of docs/ anew."""

from tests.documentation import packages, tables

tables.renew()
packages.DRAWING.write_text(packages.drawing())
