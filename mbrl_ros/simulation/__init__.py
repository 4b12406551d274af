"""What we act on: Gymnasium environments and MuJoCo models, stepped in control periods."""
