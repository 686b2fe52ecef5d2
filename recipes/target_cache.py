"""A bounded folder of training pictures, each with what the teacher made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor


class DamagedEntryError(Exception):
    """A cached file whose content is not what was written."""


class TargetCache:
    """Named pools of entries, each a file called by the SHA-256 of its content.

    Files are deleted by `sweep` alone, so a checkpoint that names its entries finds them after a restart.

    Args:
        folder: Where the files lie; it is created.
        limits: Pool → how many entries it keeps; the oldest make room.
    """

    def __init__(self, folder: Path, limits: Mapping[str, int]) -> None:
        self.folder, self.limits = folder, dict(limits)
        self.pools: dict[str, list[str]] = {name: [] for name in limits}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, pool: str, entry: Mapping[str, Tensor]) -> str:
        """Write an entry; its key."""
        content = save({name: tensor.contiguous() for name, tensor in entry.items()})
        key = hashlib.sha256(content).hexdigest()
        path = self._path(key)
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(content)
            part.replace(path)
        self.pools[pool] = [*self.pools[pool], key][-self.limits[pool] :]
        return key

    def get(self, key: str) -> dict[str, Tensor]:
        """An entry.

        Raises:
            DamagedEntryError: The file is missing, or its content has changed.
        """
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DamagedEntryError(f"{path} cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != key:
            raise DamagedEntryError(f"{path} is damaged: its content does not have the SHA-256 in its name")
        return load(content)

    def state(self) -> dict[str, list[str]]:
        """The keys of every pool, oldest first."""
        return {name: list(keys) for name, keys in self.pools.items()}

    def restore(self, state: Mapping[str, list[str]]) -> None:
        """Take up the pools of a `state`; pools it doesn't know start empty."""
        self.pools = {name: list(state.get(name, ()))[-limit:] for name, limit in self.limits.items()}

    def sweep(self) -> None:
        """Delete the files that no pool names."""
        used = {key for keys in self.pools.values() for key in keys}
        for path in self.folder.iterdir():
            if path.suffix == ".part" or (path.suffix == ".safetensors" and path.stem not in used):
                path.unlink()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"
