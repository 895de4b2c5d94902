"""``python -m fftconv.methods`` prints the table of methods and features that the README holds."""

import argparse
import os
import sys

from fftconv.methods.description import table
from fftconv.methods.loading import VARIABLE
from fftconv.methods.registry import methods

parser = argparse.ArgumentParser(prog="python -m fftconv.methods", description=__doc__)
parser.parse_args()
try:
    text = table(methods().values())
except Exception as error:  # whatever the modules raise that somebody named
    first = (str(error).splitlines() or [""])[0]
    parser.error(f"{VARIABLE}={os.environ.get(VARIABLE)}: {type(error).__name__}: {first}")
try:
    print(text, flush=True)
except BrokenPipeError:  # whoever reads has seen enough
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
