"""Parts of a call, each in a thread of its own that ends with the call."""

import threading


def share_out(function, parts):
    """[function(part) for part in parts], the first of them in this thread.

    What a call raises is raised here, after all have ended. Parts for which the system has no
    thread are done in this one.
    """
    outcomes = [None] * len(parts)

    def do(place):
        try:
            outcomes[place] = function(parts[place]), None
        except BaseException as error:
            outcomes[place] = None, error

    started, here = [], [0]
    for place in range(1, len(parts)):
        thread = threading.Thread(target=do, args=(place,), daemon=True)
        try:
            thread.start()
            started.append(thread)
        except RuntimeError:
            here.append(place)
    for place in here:
        do(place)
    for thread in started:
        thread.join()
    for _, error in outcomes:
        if error is not None:
            raise error
    return [result for result, _ in outcomes]
