"""The command line: `fastnet demo`, `compare`, `doctor` and `warmup`."""

from __future__ import annotations

import argparse
import json
import sys

from . import __version__, validation
from .architecture import plan_of
from .kernels import catalog


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="fastnet", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)

    demo = commands.add_parser("demo", help="learn handwritten digits on both paths")
    demo.add_argument("--picture", default="fastnet-demo.png", help="where to draw the losses")

    compare = commands.add_parser("compare", help="hold the compiled path against the reference")
    compare.add_argument("--layers", default="64,32,10", help="sizes, default %(default)s")
    compare.add_argument("--batch", type=int, default=128, help="rows, default %(default)s")
    compare.add_argument("--dtype", default="float64", choices=validation.DTYPES)
    compare.add_argument("--hidden", default="relu", choices=catalog.HIDDEN_ACTIVATIONS)
    compare.add_argument(
        "--output",
        choices=catalog.OUTPUT_ACTIVATIONS,
        help="default: that of the loss; else softmax, or sigmoid where there is one output",
    )
    compare.add_argument("--loss", choices=catalog.OUTPUTS_OF_LOSS, help="default: the output's")
    compare.add_argument("--optimizer", choices=catalog.OPTIMIZERS, help="default: a step of each")
    compare.add_argument("--dropout", type=float, default=0, help="of hidden units")
    compare.add_argument("--l1", type=float, default=0)
    compare.add_argument("--l2", type=float, default=0)
    compare.add_argument("--max-norm", type=float)
    compare.add_argument("--seed", type=int, default=0)
    compare.add_argument("--json", action="store_true", help="print the same for machines")

    doctor = commands.add_parser("doctor", help="what was found here, and what is wrong")
    doctor.add_argument("--json", action="store_true", help="print the same for machines")

    warmup = commands.add_parser("warmup", help="compile everything ahead into the cache folder")
    warmup.add_argument("--dtype", default="both", choices=("both", *validation.DTYPES))

    chosen = parser.parse_args(arguments)
    if chosen.command == "demo":
        from .demo import run_demo

        return run_demo(chosen.picture)
    if chosen.command == "doctor":
        from .doctor import run_doctor

        return run_doctor(chosen.json)
    if chosen.command == "warmup":
        from .warmup import run_warmup

        return run_warmup(validation.DTYPES if chosen.dtype == "both" else (chosen.dtype,))
    return _compare(parser, chosen)


def _compare(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from .comparison import compare

    try:
        sizes = [int(size) for size in chosen.layers.split(",")]
        output = chosen.output
        if not output and not chosen.loss:
            output = "softmax" if sizes[-1] > 1 else "sigmoid"
        plan = plan_of(
            sizes,
            hidden=chosen.hidden,
            output=output,
            loss=chosen.loss,
            dropout=chosen.dropout,
            l1=chosen.l1,
            l2=chosen.l2,
            max_norm=chosen.max_norm,
            dtype=chosen.dtype,
            backend="compiled",
        )
        batch = validation.whole_number(chosen.batch, "batch", 1)
        seed = validation.whole_number(chosen.seed, "seed", 0)
    except ValueError as error:
        parser.error(str(error))
    results = list(compare.compare(plan, batch, seed, chosen.optimizer))
    if chosen.json:
        print(json.dumps(compare.as_dicts(results), indent=1))
    else:
        print(compare.as_text(results))
    # So that a NaN is a failure too.
    return int(not all(result.error <= 1 for result in results))


if __name__ == "__main__":
    sys.exit(main())
