"""The names that both paths know, and the numbers that go with them. Imports nothing."""

HIDDEN_ACTIVATIONS = (
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "softplus",
)
OUTPUT_ACTIVATIONS = ("identity", "sigmoid", "softmax", "softplus", "tanh")
ACTIVATIONS = (*HIDDEN_ACTIVATIONS, "softmax")
# Their derivatives cost little where they are made, and take no fewer digits from the activation.
ACTIVATIONS_WITH_SLOPE = ("sigmoid", "tanh")

# Loss -> the outputs that it goes with; the first is the output of a network that names none.
OUTPUTS_OF_LOSS = {
    "binary_cross_entropy": ("sigmoid",),
    "cross_entropy": ("softmax",),
    "mse": ("identity", "tanh", "softplus", "sigmoid", "softmax"),
    "mae": ("identity", "tanh", "softplus", "sigmoid"),
    "huber": ("identity", "tanh", "softplus", "sigmoid"),
    "quantile": ("identity", "tanh", "softplus", "sigmoid"),
    "poisson": ("softplus", "identity"),
}
# Output -> the loss of a network that names none.
LOSS_OF_OUTPUT = {
    "identity": "mse",
    "sigmoid": "binary_cross_entropy",
    "softmax": "cross_entropy",
    "softplus": "mse",
    "tanh": "mse",
}
# Where a loss and its output are one function of the logits, exact where the output is rounded to
# 0 or 1, that is the kernel. The other losses are functions of the output.
KERNEL_OF_LOGITS = {
    ("binary_cross_entropy", "sigmoid"): "binary_cross_entropy",
    ("cross_entropy", "softmax"): "cross_entropy",
    ("poisson", "identity"): "poisson_of_logarithm",
    ("poisson", "softplus"): "poisson_of_softplus",
}
KERNELS_OF_OUTPUT = ("mse", "mae", "huber", "quantile")
# The loss that the drop-in's `train` reports; see PROBABILITY_OFFSET.
DROP_IN_LOSS_OF_OUTPUT = {"sigmoid": "offset_binary_cross_entropy", "softmax": "cross_entropy"}
KERNELS_OF_LOGITS = (*KERNEL_OF_LOGITS.values(), "offset_binary_cross_entropy")
LOSS_KERNELS = (*KERNELS_OF_LOGITS, *KERNELS_OF_OUTPUT)

# From-scratch networks write log(p + 1e-8) so that p = 0 does not end in an infinity.
PROBABILITY_OFFSET = 1e-8
# exp of this is less than a rounding of 1 in any type, and an underflow in none.
NEGLIGIBLE = -45.0

# Optimizer -> the places of its numbers in the vector that its kernel is given.
OPTIMIZERS = {
    "sgd": ("learning_rate",),
    "momentum": ("learning_rate", "momentum"),
    "nesterov": ("learning_rate", "momentum"),
    "rmsprop": ("learning_rate", "alpha", "eps", "momentum"),
    "rmsprop_centered": ("learning_rate", "alpha", "eps", "momentum"),
    "adagrad": ("learning_rate", "lr_decay", "eps"),
    "adam": ("learning_rate", "beta1", "beta2", "eps"),
    "amsgrad": ("learning_rate", "beta1", "beta2", "eps"),
    "adamw": ("learning_rate", "beta1", "beta2", "eps", "weight_decay"),
    "nadam": ("learning_rate", "beta1", "beta2", "eps", "momentum_decay", "momentum_product"),
    "lion": ("learning_rate", "beta1", "beta2", "weight_decay"),
    "rprop": ("learning_rate", "eta_minus", "eta_plus", "smallest_step", "largest_step"),
}
# Optimizer -> the slots of its state, in order; each is as long as the parameters.
OPTIMIZER_STATE = {
    "sgd": (),
    "momentum": ("velocity",),
    "nesterov": ("velocity",),
    "rmsprop": ("mean_square", "velocity"),
    "rmsprop_centered": ("mean_square", "velocity", "mean"),
    "adagrad": ("sum_of_squares",),
    "adam": ("first_moment", "second_moment"),
    "amsgrad": ("first_moment", "second_moment", "largest_second_moment"),
    "adamw": ("first_moment", "second_moment"),
    "nadam": ("first_moment", "second_moment"),
    "lion": ("first_moment",),
    "rprop": ("previous_gradient", "step_sizes"),
}
