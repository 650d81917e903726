"""Runs batches of a network side by side, each on its share of the threads.

The matrix products of a recurrent network are small. So threads with a batch each are faster than threads that divide
every product among them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any, Self, TypeVar

import torch

from .base import RuntimeModel

__all__ = ["NetworkThreads"]

Batch = TypeVar("Batch")
Result = TypeVar("Result")


class NetworkThreads:
    """Threads that run batches; use it in a `with` block, at whose end batches that have not started are dropped.

    A torch model on the CPU divides torch's threads, a [`RuntimeModel`] its own; any other model runs one batch at a
    time.

    Args:
        model: The network, in evaluation mode.
        max_batches: Most batches side by side.
    """

    def __init__(self, model: Any, max_batches: int) -> None:  # noqa: ANN401 - models of several runtimes, and the Hub's
        self.model = model
        self._num_torch_threads = torch.get_num_threads()
        num_threads = 1
        if isinstance(model, RuntimeModel):
            num_threads = model.max_threads
        elif isinstance(model, torch.nn.Module) and torch.device(getattr(model, "device", "cpu")).type == "cpu":
            num_threads = self._num_torch_threads
        self.num_batches = min(num_threads, max_batches)
        self._pool = ThreadPoolExecutor(self.num_batches, thread_name_prefix="network")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        # What a thread sets holds for it and for all threads that begin afterwards.
        torch.set_num_threads(self._num_torch_threads)

    @cached_property
    def _side_by_side(self) -> Any:  # noqa: ANN401 - as the model
        return self.model.side_by_side(self.num_batches) if isinstance(self.model, RuntimeModel) else self.model

    def submit(self, run: Callable[[Any, Batch], Result], batches: Sequence[Batch]) -> "list[Future[Result]]":
        """Start to run batches.

        Args:
            run: Called in a thread with the network to use and a batch.
            batches: Batches that run side by side; a single one has all the network's threads.

        Returns:
            The result of `run` for each.
        """
        shared = len(batches) > 1
        model = self._side_by_side if shared else self.model
        num_torch_threads = max(self._num_torch_threads // (self.num_batches if shared else 1), 1)

        def run_on_threads(batch: Batch) -> Result:
            torch.set_num_threads(num_torch_threads)
            return run(model, batch)

        return [self._pool.submit(run_on_threads, batch) for batch in batches]
