"""Simulated plants: Gymnasium environments and MuJoCo models, stepped in control periods."""
