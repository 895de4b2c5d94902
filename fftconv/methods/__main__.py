"""``python -m fftconv.methods`` prints the table of methods and features that the README holds."""

from fftconv.methods.description import table
from fftconv.methods.registry import methods

print(table(methods().values()))
