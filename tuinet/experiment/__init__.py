"""What to train: the experiment file, its checks, pure edits of it, and the recipes that ship."""
