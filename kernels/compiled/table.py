"""What the compiled functions know of a network: the places of its numbers in tables."""

# Columns of the table of layers. Places in the workspace count numbers per row of the batch.
N_IN = 0
N_OUT = 1
WEIGHTS = 2  # where the layer's matrix begins in the flat vectors
INPUT = 3  # n_in + 1 numbers a row, the last of them 1
LOGITS = 4  # where the layer rectifies there is room for them only with KEEP_LOGITS
OUTPUT = 5  # one number more than n_out: the 1 of the next layer, or the scratch of softmax
ACTIVATE = 6  # address; behind it that of the kernel that leaves slopes where the logits were
BACKWARD = 8  # address; behind it that for slopes
MASK = 10  # of the units of the input that are dropped, 0 where none are
DELTA = 11
DELTA_BY_ROWS = 12  # n_out numbers a row, rounded up to whole blocks
RECTIFIES = 13  # 1 where its product makes the output at once, if nobody asks for logits
BLOCK_ROWS = 14  # of the weights, whose gradient is used while it is in the cache
FIRST_SUM = 15  # of the sums over tiles of rows of the weights
LAYER_COLUMNS = 16

# Places of the table of choices. First the addresses of kernels, 0 for what is not done ...
PRODUCT = 0
TURN = 1
ADD_BY_LANES = 2  # where chunks have threads of their own
ADD_UP_LANES = 3
GATHER_INPUTS = 4
GATHER_TARGETS = 5
GATHER_KEPT = 6
SCATTER = 7
LOSS = 8
OUTPUT_BACKWARD = 9  # where the loss is not of the logits
OPTIMIZER = 10
NOISE = 11
DROPOUT = 12
DROPOUT_BACKWARD = 13
SMOOTH = 14
PENALIZE = 15
CLIP_VALUE = 16
SQUARED_NORM = 17
CLIP_NORM = 18
MAX_NORM = 19
AVERAGE = 20
# ... then places in the workspace, as above ...
TARGET = 21
LOSSES = 22  # three a row: the value, and scratch
SCALE = 23
CAPACITY = 24  # rows that the workspace has room for
# ... then places behind all of these ...
SCRATCH = 25  # of the first thread
CHUNK_SIZE = 26  # how many numbers all of this is, for one chunk
LANE_SUMS = 27  # of all groups of chunks
GROUP_GRADIENTS = 28
# ... then the data, as addresses and, in numbers, strides ...
INPUTS = 29
INPUT_ROW = 30
INPUT_COLUMN = 31
TARGETS = 32
TARGET_ROW = 33
TARGET_COLUMN = 34
ROW_WEIGHTS = 35  # float64, or 0
SUBSET = 36  # int64, the rows that the order is made of, or 0 for all
# ... and how to train: addresses of vectors ...
SETTINGS = 37
LOSS_NUMBERS = 38
OPTIMIZER_NUMBERS = 39  # float64, those of even and of odd steps, MOST_NUMBERS each
STATE = 40
AVERAGED = 41
RATES = 42
NORMS = 43  # float64, room for one of each unit of the widest layer
CHUNK_LOSSES = 44  # float64
SUMS = 45  # float64, of penalties and then of squares, one for each tile of rows of weights
PARAMETERS = 46
GRADIENT = 47
WORKSPACE = 48
# ... and numbers.
ITEMSIZE = 49  # bytes of each parameter
LANES = 50  # of them in a vector register
LAYERS = 51
N_PARAMETERS = 52
N_SUMS = 53
MOST_UNITS = 54  # of the widest layer
N_RATES = 55
THREADS = 56  # of the whole run, of which a slice may use fewer
UPDATE_LATE = 57  # and not block by block, as the gradient is made
UPDATE_EACH_LAYER = 58  # as the drop-in does, before delta passes through the weights
BATCH_SIZE = 59
SHUFFLE = 60
KEY = 61
STEP_KEY = 62
FIRST_EPOCH = 63
UPDATES = 64  # before the first step of the run
OPTIMIZER_SINCE = 65  # how many updates came before the state's first
AVERAGE_SINCE = 66
ONLY_LOSS = 67  # of the rows, and no training
KEEP_LOGITS = 68  # of all layers
WITH_SLOPES = 69  # 1 where activations leave them, see ACTIVATE; 0 elsewhere
CHOICES = 70

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
AFFINE_RELU = 1
WEIGHT_GRADIENT = 2
INPUT_DELTA = 3
