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
LAYER_COLUMNS = 13

# Places of the table of choices. First the addresses of kernels, 0 for what is not done ...
PRODUCT = 0
TURN = 1
GATHER_INPUTS = 2
GATHER_TARGETS = 3
GATHER_KEPT = 4
LOSS = 5
OUTPUT_BACKWARD = 6  # where the loss is not of the logits
OPTIMIZER = 7
NOISE = 8
DROPOUT = 9
DROPOUT_BACKWARD = 10
SMOOTH = 11
PENALIZE = 12
CLIP_VALUE = 13
SQUARED_NORM = 14
CLIP_NORM = 15
MAX_NORM = 16
AVERAGE = 17
# ... then places in the workspace, as above ...
TARGET = 18
LOSSES = 19  # three a row: the value, and scratch
SCALE = 20
CAPACITY = 21  # rows that the workspace has room for
# ... then places behind all of these ...
SCRATCH = 22  # of the first thread
WORKSPACE = 23  # how many numbers all of this is, for one chunk
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
OPTIMIZER_NUMBERS = 34  # float64, those of even and of odd steps, MOST_NUMBERS each
STATE = 35
AVERAGED = 36
RATES = 37
NORMS = 38  # float64, room for one of each unit of the widest layer
SUMS = 39  # float64, of penalties and then of squares, one for each tile of rows of weights
# ... and numbers.
LAYERS = 40
PARAMETERS = 41
N_SUMS = 42
MOST_UNITS = 43  # of the widest layer
N_RATES = 44
THREADS = 45  # of the whole run, of which a slice may use fewer
UPDATE_LATE = 46  # and not block by block, as the gradient is made
UPDATE_EACH_LAYER = 47  # as the drop-in does, before delta passes through the weights
BATCH_SIZE = 48
SHUFFLE = 49
KEY = 50
STEP_KEY = 51
FIRST_EPOCH = 52
UPDATES = 53  # before the first step of the run
OPTIMIZER_SINCE = 54  # how many updates came before the state's first
AVERAGE_SINCE = 55
CHOICES = 56

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
