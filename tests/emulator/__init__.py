"""The tests of emulator."""
