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
DELTA = 9
DELTA_BY_ROWS = 10  # n_out numbers a row, rounded up to whole blocks
BLOCK_ROWS = 11  # of the weights, whose gradient is used while it is in the cache
FIRST_SUM = 12  # of the sums over tiles of rows of the weights
LANE_SUMS = 13  # of the gradient, behind those of the layers before; -1 if it has none
LAYER_COLUMNS = 14

# Places of the table of choices. First the addresses of kernels, 0 for what is not done ...
PRODUCT = 0
TURN = 1
BY_LANES = 2
GATHER_INPUTS = 3
GATHER_TARGETS = 4
GATHER_KEPT = 5
LOSS = 6
OUTPUT_BACKWARD = 7  # where the loss is not of the logits
OPTIMIZER = 8
NOISE = 9
DROPOUT = 10
DROPOUT_BACKWARD = 11
SMOOTH = 12
PENALIZE = 13
CLIP_VALUE = 14
SQUARED_NORM = 15
CLIP_NORM = 16
MAX_NORM = 17
AVERAGE = 18
# ... then places in the workspace, as above ...
TARGET = 19
LOSSES = 20  # three a row: the value, and scratch
SCALE = 21
CAPACITY = 22  # rows that the workspace has room for
# ... then places behind all of these ...
SCRATCH = 23  # of the first thread
WORKSPACE = 24  # how many numbers all of this is, for one chunk
FIRST_LANE_SUM = 25  # 0 where no gradient is summed by lanes
# ... then the data, as addresses and, in numbers, strides ...
INPUTS = 26
INPUT_ROW = 27
INPUT_COLUMN = 28
TARGETS = 29
TARGET_ROW = 30
TARGET_COLUMN = 31
ROW_WEIGHTS = 32  # float64, or 0
SUBSET = 33  # int64, the rows that the order is made of, or 0 for all
# ... and how to train: addresses of vectors ...
SETTINGS = 34
LOSS_NUMBERS = 35
OPTIMIZER_NUMBERS = 36  # float64, those of even and of odd steps, MOST_NUMBERS each
STATE = 37
AVERAGED = 38
RATES = 39
NORMS = 40  # float64, room for one of each unit of the widest layer
SUMS = 41  # float64, of penalties and then of squares, one for each tile of rows of weights
# ... and numbers.
LAYERS = 42
PARAMETERS = 43
N_SUMS = 44
MOST_UNITS = 45  # of the widest layer
N_RATES = 46
THREADS = 47  # of the whole run, of which a slice may use fewer
UPDATE_LATE = 48  # and not block by block, as the gradient is made
UPDATE_EACH_LAYER = 49  # as the drop-in does, before delta passes through the weights
BATCH_SIZE = 50
SHUFFLE = 51
KEY = 52
STEP_KEY = 53
FIRST_EPOCH = 54
UPDATES = 55  # before the first step of the run
OPTIMIZER_SINCE = 56  # how many updates came before the state's first
AVERAGE_SINCE = 57
CHOICES = 58

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
