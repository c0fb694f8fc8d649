"""Models: a network, its parameters, and all that predicting needs to know; predicting and evaluating."""
