"""The clients that are compared: each submits a workload's tasks as they come, and waits for all of them."""
