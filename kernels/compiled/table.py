"""What the compiled functions know of a network: the places of its numbers in tables."""

# Columns of the table of layers. Places in the workspace count numbers per row of the batch.
N_IN = 0
N_OUT = 1
WEIGHTS = 2  # where the layer's matrix begins in the flat vectors
INPUT = 3  # n_in + 1 numbers a row, the last of them 1
LOGITS = 4
OUTPUT = 5  # one number more than n_out: the 1 of the next layer, or the scratch of softmax
ACTIVATE = 6  # address
BACKWARD = 7  # address
MASK = 8  # of the units of the input that are dropped, 0 where none are
LAYER_COLUMNS = 9

# Places of the table of choices. First the addresses of kernels, 0 for what is not done ...
PRODUCT = 0
GATHER_INPUTS = 1
GATHER_TARGETS = 2
GATHER_KEPT = 3
LOSS = 4
OUTPUT_BACKWARD = 5  # where the loss is not of the logits
OPTIMIZER = 6
NOISE = 7
DROPOUT = 8
DROPOUT_BACKWARD = 9
SMOOTH = 10
PENALIZE = 11
CLIP_VALUE = 12
CLIP_NORM = 13
MAX_NORM = 14
AVERAGE = 15
# ... then places in the workspace, as above ...
DELTA = 16
NEXT_DELTA = 17
TARGET = 18
CAPACITY = 19  # rows that the workspace has room for
# ... then places behind all of these, each for one panel at a time ...
LOSSES = 20
SCALE = 21
SCRATCH = 22
WORKSPACE = 23  # how many numbers all of this is
# ... then the data, as addresses and, in numbers, strides ...
INPUTS = 24
INPUT_ROW = 25
INPUT_COLUMN = 26
TARGETS = 27
TARGET_ROW = 28
TARGET_COLUMN = 29
ROW_WEIGHTS = 30  # float64, or 0
SUBSET = 31  # int64, the rows that the order is made of, or 0 for all
# ... and how to train: addresses of vectors ...
SETTINGS = 32
LOSS_NUMBERS = 33
OPTIMIZER_NUMBERS = 34
STATE = 35
AVERAGED = 36
RATES = 37
NORMS = 38  # float64, room for one of each unit of the widest layer
# ... and numbers.
N_RATES = 39
UPDATE_EACH_LAYER = 40  # as the drop-in does, before delta passes through the weights
BATCH_SIZE = 41
SHUFFLE = 42
KEY = 43
STEP_KEY = 44
FIRST_EPOCH = 45
UPDATES = 46  # before the first step of the run
OPTIMIZER_SINCE = 47  # how many updates came before the state's first
AVERAGE_SINCE = 48
CHOICES = 49

# Places of the vector of settings, float64 ...
TOTAL_WEIGHT = 0
INPUT_NOISE = 1
SMOOTHING_KEPT = 2
SMOOTHING_ADDED = 3
L1 = 4
L2 = 5
VALUE_LIMIT = 6
NORM_LIMIT = 7
MAX_NORM_LIMIT = 8
AVERAGE_DECAY = 9
# ... of which these belong to the batch at hand ...
BATCH_LOSS = 10
BATCH_WEIGHT = 11
BATCH_SCALE = 12  # 1 / weight
PENALTY = 13
# ... and then a rate of dropout for each layer's input.
DROPOUT_RATES = 14

# Places of the position in a run: where it is, and how far it shall go.
STEP = 0
CHUNK = 1  # of the step, where it goes on
LAST_STEP = 2
BUDGET = 3  # chunks

# No optimizer has more vectors of state.
MOST_SLOTS = 4

# The products of a layer, by which the kernel at PRODUCT is asked for one.
AFFINE = 0
WEIGHT_GRADIENT = 1
INPUT_DELTA = 2
