"""What can be seen of a model and its layers: each view one function from a question to what is seen."""
