"""The command line: `fastnet demo` and `fastnet compare`."""

from __future__ import annotations

import argparse
import json
import sys

from . import __version__, validation
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
    compare.add_argument(
        "--output",
        choices=catalog.OUTPUT_ACTIVATIONS,
        help="default: softmax, or sigmoid where there is one output",
    )
    compare.add_argument("--seed", type=int, default=0)
    compare.add_argument("--json", action="store_true", help="print the same for machines")

    chosen = parser.parse_args(arguments)
    if chosen.command == "demo":
        from .demo import run_demo

        return run_demo(chosen.picture)
    return _compare(parser, chosen)


def _compare(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from . import compare

    try:
        numbers = [int(size) for size in chosen.layers.split(",")]
        sizes = validation.layer_sizes(numbers, chosen.dtype)
        batch = validation.whole_number(chosen.batch, "batch", 1)
        validation.whole_number(chosen.seed, "seed", 0)
        output = chosen.output or ("softmax" if sizes[-1] > 1 else "sigmoid")
        validation.output(output, sizes[-1])
    except ValueError as error:
        parser.error(str(error))
    results = list(compare.compare(sizes, batch, chosen.dtype, output, chosen.seed))
    if chosen.json:
        print(json.dumps(compare.as_dicts(results), indent=1))
    else:
        print(compare.as_text(results))
    return int(any(result.error > 1 for result in results))


if __name__ == "__main__":
    sys.exit(main())
