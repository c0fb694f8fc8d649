"""The arithmetic behind a number: a value of a layer, or the gradient of a weight, term by term."""
