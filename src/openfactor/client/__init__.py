"""How users reach a workspace."""
