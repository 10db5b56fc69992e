"""A report of a journal: its figures, gathered row by row, and told as text, as a table, and as a page with plots.

May import the public package and `_batch`. Begin with `_figures.py`.
"""
