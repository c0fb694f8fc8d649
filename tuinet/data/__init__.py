"""Data sets: readers of file formats, named sets, splits, preparation, augmentation, target codes."""
