"""The exponential moving average of the parameters (Polyak, Juditsky, 1992; Kingma, Ba, 2015)."""


def average(decay, step, parameters, averaged):
    """averaged = decay averaged + (1 - decay) parameters; a copy of them at step 1.

    step : how many updates are averaged, this one included.  parameters, averaged : (n,).
    """
    if step == 1:
        averaged[...] = parameters
    else:
        # As a step towards the parameters, which leaves the average alone once it is there.
        averaged += averaged.dtype.type(1 - decay) * (parameters - averaged)
