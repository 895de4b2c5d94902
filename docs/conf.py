"""How Sphinx makes the pages of docs/: `make docs`, where a warning is an error."""

import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

from convbench.limits.bound import DEFINITION  # noqa: E402
from fftconv.methods.registry import REGISTRY, unregister  # noqa: E402

SHIPPED = set(REGISTRY)

# What an example is started with where it is more than a page wants to wait for.
SMALL = {
    "learn_blur": ["--side", "1024", "--filter", "9", "--steps", "8"],
    "networks": ["--size", "64", "--width", "16"],
}
SAVES = ("learn_blur", "recover_psf")


def arguments(gallery: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """Keep an example short, and have it save its picture among what is generated."""
    name = Path(script["src_file"]).stem
    picture = Path(gallery["src_dir"], gallery["gallery_dirs"], f"{name}.png")
    return [*SMALL.get(name, []), *(["--output", str(picture)] if name in SAVES else [])]


def forget(_gallery: dict[str, Any], _script: str) -> None:
    """Take away what an example has registered: each runs as in a process of its own."""
    for name in set(REGISTRY) - SHIPPED:
        unregister(name)


project = "fftconv"
author = "The fftconv developers"
release = installed("fftconv")
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "numpydoc",
    "printed",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
suppress_warnings = ["config.cache"]  # sphinx-gallery is given a function, which is not pickled

# `name` in a docstring is a link if the name has a page; torch's have theirs elsewhere.
default_role = "py:obj"
highlight_language = "none"  # what has no language is a picture made of letters
autodoc_typehints = "none"  # the docstrings say them in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

myst_enable_extensions = ["substitution"]
myst_heading_anchors = 3
myst_substitutions = {"definition": DEFINITION}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "reset_argv": arguments,
    "reset_modules": ("matplotlib", forget),
    "capture_repr": (),
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,  # a time of somebody's build is nobody's figure
    "min_reported_time": 3600,
}

html_theme = "pydata_sphinx_theme"
html_title = f"fftconv {release}"
html_copy_source = False
html_show_sourcelink = False
html_sidebars: dict[str, list[str]] = {"start": [], "contributing": [], "changelog": []}
html_static_path = ["_static"]
html_css_files = ["fftconv.css"]
html_theme_options = {
    "logo": {"text": f"fftconv {release}"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
