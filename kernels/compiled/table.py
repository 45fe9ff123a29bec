"""What the compiled functions know of a network: the places of its numbers in integer tables."""

# Columns of the table of layers. Places in the workspace count numbers per row of the batch.
N_IN = 0
N_OUT = 1
WEIGHTS = 2  # where the layer's matrix begins in the flat vectors
INPUT = 3  # n_in + 1 numbers a row, the last of them 1
LOGITS = 4
OUTPUT = 5  # one number more than n_out: the 1 of the next layer, or the scratch of softmax
ACTIVATE = 6  # address
BACKWARD = 7  # address, 0 for an output
LAYER_COLUMNS = 8

# Places of the table of choices. First the addresses of kernels ...
PRODUCT = 0
GATHER_ROWS = 1
GATHER_TARGETS = 2
LOSS = 3
OPTIMIZER = 4
# ... then places in the workspace, as above ...
DELTA = 5
NEXT_DELTA = 6
TARGET = 7
CAPACITY = 8  # rows that the workspace has room for
# ... then places behind all of these, each for one panel at a time ...
LOSSES = 9
SCRATCH = 10
# ... and how to train.
UPDATE_EACH_LAYER = 11  # as the drop-in does, before delta passes through the weights
INPUTS = 12  # addresses of the data
TARGETS = 13
ROWS = 14
BATCH_SIZE = 15
SHUFFLE = 16
KEY = 17
CHOICES = 18

# The products of a layer, by which the kernel at PRODUCT is asked for one.
AFFINE = 0
WEIGHT_GRADIENT = 1
INPUT_DELTA = 2
