"""``python -m fftconv.methods`` prints the table of methods and features that the README holds."""

from fftconv.methods import methods
from fftconv.methods.description import table

print(table(methods().values()))
