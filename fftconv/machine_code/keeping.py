"""Compiled functions on disk, between processes: numba's cache, but no file of it is trusted.

Numba reads whatever it finds under a function's name. A file that was cut off, or in which a bit
fell over, then ends in an error at every call, or in machine code that is not what was compiled. A
folder that is full or that may not be written to ends in an error, too. Here each file begins with
the hash of what follows, and names the function, signature and processor that it is for; whatever
is not right about reading or writing one costs a compilation and no more.
"""

from __future__ import annotations

import hashlib
import inspect
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core import caching, ccallback, config, sigutils
from numba.core.serialize import dumps

# Numba annotates little of itself.
_CFunc: Any = ccallback.CFunc
_config: Any = config
_FunctionCache: Any = caching.FunctionCache
_CacheFile: Any = caching.IndexDataCacheFile
_DIGEST_BYTES = hashlib.sha256().digest_size
#: Settings of numba that change what it compiles, and that its own keys leave out.
_SETTINGS = ("OPT", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "SLP_VECTORIZE")


class Function(_CFunc):  # type: ignore[misc]
    """A C function that is compiled, or read from the disk, when it is made."""

    def __init__(self, function: Any, signature: Any) -> None:
        """Take a Python function and the signature to compile it for."""
        normal = sigutils.normalize_signature(signature)
        super().__init__(function, normal, locals={}, options={"error_model": "numpy"})
        with suppress(Exception):  # no folder to keep it in: this process compiles for itself
            self._cache = Cache(function)
        self.compile()


class Cache(_FunctionCache):  # type: ignore[misc]
    """Numba's cache of one function, which forgives everything."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file, *self._more = (File(self, folder) for folder in self._folders(function))

    def _folders(self, function: Any) -> list[str]:
        """Return the folder to write to, then those that can only be read, as images ship them."""
        folders = [self._cache_path]
        # A user who names a folder wants no other one to be looked into.
        locators: list[Any] = caching.CacheImpl._locator_classes
        for locator in locators[:1] if _config.CACHE_DIR else locators[1:]:
            try:
                folder = locator(function, inspect.getfile(function)).get_cache_path()
            except Exception:  # a kind of place that this function does not have
                continue
            if folder not in folders and Path(folder).is_dir():
                folders.append(folder)
        return folders

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        settings = tuple(str(getattr(_config, name, None)) for name in _SETTINGS)
        # Numba's key tells apart what one function may be compiled for, not functions.
        name = self._impl.filename_base
        return sig, codegen.magic_tuple(), _hash(self._py_func), settings, name

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was compiled before, None if there is nothing that can be used."""
        first = self._cache_file
        for file in (first, *self._more):
            self._cache_file, found = file, None
            with suppress(Exception):  # damaged in a way that the hash cannot know of
                found = super().load_overload(sig, target_context)
            if found is not None:
                break
        self._cache_file = first
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, where that is possible."""
        with suppress(Exception):  # a full disk, say: the next process tries again
            super().save_overload(sig, data)


def _hash(function: Any) -> str:
    """Hash a function's code and what it closes over.

    Numba would hash compiled functions among that by a number that each process draws by lot, and
    find none of them again.
    """
    digest = hashlib.sha256(function.__code__.co_code)
    for cell in function.__closure__ or ():
        compiled = getattr(cell.cell_contents, "py_func", None)
        held = dumps(cell.cell_contents) if compiled is None else _hash(compiled).encode()
        digest.update(hashlib.sha256(held).digest())
    return digest.hexdigest()


class File(_CacheFile):  # type: ignore[misc]
    """Numba's index and data files of one function in one folder, each behind its hash."""

    def __init__(self, cache: Cache, folder: str) -> None:
        impl = cache._impl
        super().__init__(folder, impl.filename_base, impl.locator.get_source_stamp())

    def _load_index(self) -> dict[Any, str]:
        version, stamp, overloads = self._read(self._index_path) or (None, None, {})
        if (version, stamp) != (self._version, self._source_stamp):
            return {}
        return dict(overloads)

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._version, self._source_stamp, overloads))

    def load(self, key: Any) -> Any:
        """Return what is kept under a key, None if there is nothing or something else."""
        name = self._load_index().get(key)
        found, data = (name and self._read(self._data_path(name))) or (None, None)
        # Two processes that were writing at once may have given one name to two keys.
        return data if found == key else None

    def save(self, key: Any, data: Any) -> None:
        """Keep something under a key."""
        super().save(key, (key, data))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _read(self, path: str) -> Any:
        try:
            content = Path(path).read_bytes()
        except OSError:
            return None
        digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        return pickle.loads(data) if hashlib.sha256(data).digest() == digest else None

    def _write(self, path: str, content: Any) -> None:
        data = self._dump(content)
        with self._open_for_write(path) as file:
            file.write(hashlib.sha256(data).digest() + data)
