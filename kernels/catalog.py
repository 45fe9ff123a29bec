"""The names that both paths know, and the numbers that go with them. Imports nothing."""

HIDDEN_ACTIVATIONS = ("relu",)
OUTPUT_ACTIVATIONS = ("sigmoid", "softmax")
ACTIVATIONS = (*HIDDEN_ACTIVATIONS, *OUTPUT_ACTIVATIONS)

# The exact loss, from logits, that belongs to each output.
LOSS_OF_OUTPUT = {"sigmoid": "binary_cross_entropy", "softmax": "cross_entropy"}
# The loss that the drop-in's `train` reports; see PROBABILITY_OFFSET.
DROP_IN_LOSS_OF_OUTPUT = {"sigmoid": "offset_binary_cross_entropy", "softmax": "cross_entropy"}
LOSSES = ("binary_cross_entropy", "offset_binary_cross_entropy", "cross_entropy")

# From-scratch networks write log(p + 1e-8) so that p = 0 does not end in an infinity.
PROBABILITY_OFFSET = 1e-8

# Optimizer -> the places of its numbers in the vector that its kernel is given.
OPTIMIZERS = {"sgd": ("learning_rate",)}
