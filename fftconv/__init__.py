"""2-D convolution methods for PyTorch, and the layers that they are compared in."""

from fftconv.auto.plan import Plan as Plan
from fftconv.auto.plan import plan as plan
from fftconv.functional import conv2d as conv2d
from fftconv.geometry import Geometry as Geometry
from fftconv.machine_code.team import set_longest_rest as set_longest_rest
from fftconv.methods.maps import Maps as Maps
from fftconv.methods.method import Method as Method
from fftconv.methods.registry import methods as methods
from fftconv.methods.registry import register as register
from fftconv.models.converting import convert as convert
from fftconv.models.converting import revert as revert
from fftconv.models.survey import Survey as Survey
from fftconv.models.surveying import survey as survey
from fftconv.modules import Conv2d as Conv2d
from fftconv.one_dimension import Conv1d as Conv1d
from fftconv.one_dimension import conv1d as conv1d
from fftconv.transposed import ConvTranspose2d as ConvTranspose2d
from fftconv.transposed import conv_transpose2d as conv_transpose2d
from fftconv.tutorial import BadFFTFunction as BadFFTFunction
from fftconv.tutorial import FFTConv2d as FFTConv2d
from fftconv.tutorial import FFTConv2dFunction as FFTConv2dFunction
from fftconv.tutorial import NativeConv2d as NativeConv2d
from fftconv.tutorial import ScipyConv2d as ScipyConv2d
from fftconv.tutorial import ScipyConv2dFunction as ScipyConv2dFunction
from fftconv.tutorial import fft_magnitude as fft_magnitude
from fftconv.tutorial import incorrect_fft as incorrect_fft
