"""The pytest plugin: fixtures of an emulator and of a session on it. Begin with `_fixtures.py`.

pytest imports it in every project of an environment, before a coverage tool begins to measure. So it imports the
rest of the package inside of the fixtures only, and may import all of it there.
"""
