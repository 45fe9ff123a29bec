"""What the compiled functions know of a network: the places of its numbers in tables."""

# Columns of the table of layers. Places in the workspace count numbers per row of the batch.
N_IN = 0
N_OUT = 1
WEIGHTS = 2  # where the layer's matrix begins in the flat vectors
INPUT = 3  # n_in + 1 numbers a row, the last of them 1
LOGITS = 4
OUTPUT = 5  # one number more than n_out: the 1 of the next layer, or the scratch of softmax
ACTIVATE = 6  # address; behind it that of the kernel that leaves slopes where the logits were
BACKWARD = 8  # address; behind it that for slopes
MASK = 10  # of the units of the input that are dropped, 0 where none are
DELTA = 11
DELTA_BY_ROWS = 12  # n_out numbers a row, rounded up to whole blocks
BLOCK_ROWS = 13  # of the weights, whose gradient is used while it is in the cache
FIRST_SUM = 14  # of the sums over tiles of rows of the weights
LAYER_COLUMNS = 15

# Places of the table of choices. First the addresses of kernels, 0 for what is not done ...
PRODUCT = 0
TURN = 1
ADD_BY_LANES = 2  # where chunks have threads of their own
ADD_UP_LANES = 3
GATHER_INPUTS = 4
GATHER_TARGETS = 5
GATHER_KEPT = 6
LOSS = 7
OUTPUT_BACKWARD = 8  # where the loss is not of the logits
OPTIMIZER = 9
NOISE = 10
DROPOUT = 11
DROPOUT_BACKWARD = 12
SMOOTH = 13
PENALIZE = 14
CLIP_VALUE = 15
SQUARED_NORM = 16
CLIP_NORM = 17
MAX_NORM = 18
AVERAGE = 19
# ... then places in the workspace, as above ...
TARGET = 20
LOSSES = 21  # three a row: the value, and scratch
SCALE = 22
CAPACITY = 23  # rows that the workspace has room for
# ... then places behind all of these ...
SCRATCH = 24  # of the first thread
WORKSPACE = 25  # how many numbers all of this is, for one chunk
LANE_SUMS = 26  # of all groups of chunks
GROUP_GRADIENTS = 27
# ... then the data, as addresses and, in numbers, strides ...
INPUTS = 28
INPUT_ROW = 29
INPUT_COLUMN = 30
TARGETS = 31
TARGET_ROW = 32
TARGET_COLUMN = 33
ROW_WEIGHTS = 34  # float64, or 0
SUBSET = 35  # int64, the rows that the order is made of, or 0 for all
# ... and how to train: addresses of vectors ...
SETTINGS = 36
LOSS_NUMBERS = 37
OPTIMIZER_NUMBERS = 38  # float64, those of even and of odd steps, MOST_NUMBERS each
STATE = 39
AVERAGED = 40
RATES = 41
NORMS = 42  # float64, room for one of each unit of the widest layer
CHUNK_LOSSES = 43  # float64
SUMS = 44  # float64, of penalties and then of squares, one for each tile of rows of weights
# ... and numbers.
LAYERS = 45
PARAMETERS = 46
N_SUMS = 47
MOST_UNITS = 48  # of the widest layer
N_RATES = 49
THREADS = 50  # of the whole run, of which a slice may use fewer
UPDATE_LATE = 51  # and not block by block, as the gradient is made
UPDATE_EACH_LAYER = 52  # as the drop-in does, before delta passes through the weights
BATCH_SIZE = 53
SHUFFLE = 54
KEY = 55
STEP_KEY = 56
FIRST_EPOCH = 57
UPDATES = 58  # before the first step of the run
OPTIMIZER_SINCE = 59  # how many updates came before the state's first
AVERAGE_SINCE = 60
ONLY_LOSS = 61  # of the rows, and no training
WITH_SLOPES = 62  # 1 where activations leave them, see ACTIVATE; 0 elsewhere
CHOICES = 63

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
# ... of which these belong to a batch that is not done ...
BATCH_LOSS = 10
BATCH_WEIGHT = 11
# ... and then a rate of dropout for each layer's input.
DROPOUT_RATES = 12

# Places of the position in a run: where it is, and how far it shall go.
STEP = 0
CHUNK = 1  # of the step, where it goes on
LAST_STEP = 2
BUDGET = 3  # chunks

# No optimizer has more vectors of state, or numbers.
MOST_SLOTS = 4
MOST_NUMBERS = 8

# The products of a layer, by which the kernel at PRODUCT is asked for one.
AFFINE = 0
WEIGHT_GRADIENT = 1
INPUT_DELTA = 2
