"""A report of a journal. It gathers figures row by row, and writes them as text, a table, or a page with plots.

May import the public package and `_batch`. Begin with `_figures.py`.
"""
