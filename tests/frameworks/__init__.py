"""The programs of docs/examples, each as a real server: run by `nox --session frameworks`."""
