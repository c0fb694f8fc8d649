"""The app: screens on what the commands do, on the same files. No mathematics, no training, no reading of files."""
